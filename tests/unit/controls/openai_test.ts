import assert from "node:assert/strict";
import { openai } from "../../../lib/controls/openai.ts";
import { soundOf, wavOf } from "../../../lib/protocols/sound.ts";
import { edited, planOf, problemsOf } from "../../support/config_edit.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { freePort } from "../../support/peers/tcp_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { player, withAsk } from "./support.ts";

const spec = (url: string, players: string[][] = []) => ({
  kind: "openai",
  url,
  model: "kokoro",
  voice: "af_heart",
  players,
});
const speech = { text: "Hi Master.", tag: "boot_greeting" };
const sound = { rate: 24_000, width: 2, channels: 1, samples: new Uint8Array(14_400).fill(5) };

withProcesses.test("openai control: a WAV file is asked for and played", async () => {
  await using peer = startHttpPeer(() => new Response(wavOf(sound)));
  await withAsk(async (ask, folder) => {
    const plays = player(folder, "plays", `cp "$1" ${folder}/played; sleep 0.3`);
    assert.equal((await openai.speak!(spec(`${peer.origin}/v1`, [plays]), speech, ask)).state, "finished");
    assert.deepEqual(soundOf(Deno.readFileSync(`${folder}/played`)), sound);
  });
  const [{ method, path, body }] = peer.asked as [typeof peer.asked[0]];
  assert.deepEqual([method, path], ["POST", "/v1/audio/speech"]);
  assert.deepEqual(JSON.parse(body), {
    input: "Hi Master.",
    voice: "af_heart",
    response_format: "wav",
    model: "kokoro",
  });
});

Deno.test("openai control: a refusal, no sound, another sound and nobody are told apart", async () => {
  const answers: [Response, unknown][] = [
    [new Response("voice 'af_heart' not found\nmore", { status: 400 }), {
      state: "failed",
      detail: `/v1/audio/speech answered 400: "voice 'af_heart' not found"`,
    }],
    [new Response(null, { status: 404 }), { state: "not_offered", detail: "/v1/audio/speech answered 404" }],
    [new Response("ID3"), {
      state: "failed",
      detail: "/v1/audio/speech gave no WAV file that can be played",
    }],
    [new Response(wavOf({ ...sound, samples: new Uint8Array() })), {
      state: "failed",
      detail: "/v1/audio/speech gave no WAV file that can be played",
    }],
  ];
  const rest = answers.map(([answer]) => answer);
  await using peer = startHttpPeer(() => rest.shift()!);
  await withAsk(async (ask) => {
    for (const [, wanted] of answers) {
      assert.deepEqual(await openai.speak!(spec(peer.origin), speech, ask), wanted);
    }
    assert.deepEqual(await openai.speak!(spec(`http://127.0.0.1:${freePort()}`), speech, ask), {
      state: "failed",
      detail: "/v1/audio/speech: connection refused",
      lost: true,
    });
  });
});

Deno.test("openai control: the readiness says where, and its warm-up is a synthesis there", () => {
  const text = (control: string, readiness = "{ type: http, url: 'http://127.0.0.1:8880/health' }") =>
    edited(
      [
        '    readiness: { type: "http", url: "http://127.0.0.1:5004/healthz", expect_code: 200 }',
        `    readiness: ${readiness}`,
      ],
      [
        '    default_voice: "en_us_1"',
        `    default_voice: "af_heart"\n    control: { kind: openai${control} }`,
      ],
    );
  const tts = planOf(text(", model: kokoro")).services[3]!;
  const { url, model, voice } = tts.control;
  assert.deepEqual([url, model, voice], ["http://127.0.0.1:8880", "kokoro", "af_heart"]);
  assert.deepEqual([tts.warmup.kind, tts.warmup.api, tts.warmup.url, tts.warmup.voice], [
    "openai",
    "speech",
    "http://127.0.0.1:8880",
    "af_heart",
  ]);
  const messages = problemsOf(text("", "{ type: notify }")).map(({ message }) => message);
  assert.deepEqual(messages, ["services.tts.control: nothing says where to send the verbs"]);
});
