import assert from "node:assert/strict";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { audioClip, wavOf } from "../../../lib/warmups/mod.ts";
import { common, warm } from "./support.ts";
import { withProcesses } from "../../support/with_processes.ts";

const server = (url: string, model: string | null = "tiny") => ({
  ...common,
  kind: "openai" as const,
  url,
  model,
});
const tokens = (url: string, model?: string | null, api: "completions" | "chat" = "completions") => ({
  ...server(url, model),
  api,
  tokens: 2,
});
const speech = (url: string) => ({
  ...server(url),
  api: "speech" as const,
  voice: "af_sky",
  text: "Ready.",
});
const transcription = (url: string, model?: string | null) => ({
  ...server(url, model),
  api: "transcriptions" as const,
  audio: "speech" as const,
  audioMs: 300,
});

Deno.test("openai warm-up asks for a completion of a few tokens", async () => {
  await using peer = startHttpPeer(() => Response.json({ choices: [{ text: "Hello" }] }));
  for (const url of [peer.origin, `${peer.origin}/v1/`]) {
    const result = await warm(tokens(url));
    assert.deepEqual([result.state, result.detail], ["warmed", "2 tokens"]);
  }
  for (const { method, path, body } of peer.asked) {
    assert.deepEqual([method, path], ["POST", "/v1/completions"]);
    const { model, max_tokens, stream } = JSON.parse(body);
    assert.deepEqual([model, max_tokens, stream], ["tiny", 2, false]);
  }
});

Deno.test("openai warm-up names the server's first model when none is configured", async () => {
  await using listing = startHttpPeer(({ path }) =>
    Response.json(path === "/v1/models" ? { data: [{ id: "first" }, { id: "second" }] } : {})
  );
  await warm(tokens(listing.origin, null));
  assert.equal(JSON.parse(listing.asked[1]!.body).model, "first");
  await using bare = startHttpPeer(({ path }) =>
    path === "/v1/models" ? new Response("", { status: 404 }) : Response.json({})
  );
  assert.equal((await warm(tokens(bare.origin, null))).state, "warmed");
  assert.equal("model" in JSON.parse(bare.asked[1]!.body), false);
});

Deno.test("openai warm-up reads speech to its end", async () => {
  await using peer = startHttpPeer(() => new Response(new Uint8Array(200_000)));
  const result = await warm(speech(peer.origin));
  assert.deepEqual([result.state, result.detail], ["warmed", "200000 bytes of audio"]);
  const { path, body } = peer.asked[0]!;
  assert.equal(path, "/v1/audio/speech");
  const { voice, model, input } = JSON.parse(body);
  assert.deepEqual([voice, model, input], ["af_sky", "tiny", "Ready."]);
});

Deno.test("P7: openai warm-up sends a chat where the server has no completions", async () => {
  for (const status of [400, 404, 405, 501]) {
    await using peer = startHttpPeer(({ path }) =>
      path === "/v1/chat/completions" ? Response.json({ choices: [] }) : new Response("", { status })
    );
    const result = await warm(tokens(peer.origin));
    assert.deepEqual([result.state, result.detail], ["warmed", "2 tokens"]);
    const [, chat] = peer.asked.map(({ body }) => JSON.parse(body));
    assert.deepEqual([chat.model, chat.max_tokens, chat.messages.length], ["tiny", 2, 1]);
    peer.asked.length = 0;
    assert.equal((await warm(tokens(peer.origin, "tiny", "chat"))).state, "warmed");
    assert.deepEqual(peer.asked.map(({ path }) => path), ["/v1/chat/completions"]);
  }
});

Deno.test("openai warm-up that fails is not asked another way, and what is not offered at all names the first", async () => {
  await using failing = startHttpPeer(() => new Response("out of memory", { status: 500 }));
  assert.equal((await warm(tokens(failing.origin))).state, "failed");
  assert.equal(failing.asked.length, 1);
  await using bare = startHttpPeer(() => new Response("", { status: 404 }));
  assert.match((await warm(tokens(bare.origin))).detail!, /^POST \/v1\/completions was answered with 404$/);
});

Deno.test("P7: openai warm-up has a clip transcribed", async () => {
  let form: FormData | null = null;
  await using peer = {
    server: Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      if (new URL(request.url).pathname !== "/v1/audio/transcriptions") {
        return new Response("", { status: 404 });
      }
      form = await request.formData();
      return Response.json({ text: "" });
    }),
    [Symbol.asyncDispose]: () => peer.server.shutdown(),
  };
  const origin = `http://127.0.0.1:${peer.server.addr.port}`;
  for (const model of ["tiny", null]) {
    const result = await warm(transcription(origin, model));
    assert.deepEqual([result.state, result.detail], ["warmed", "300 ms of speech"]);
    const file = form!.get("file") as File;
    assert.deepEqual([form!.get("model"), file.type], [model, "audio/wav"]);
    assert.deepEqual(await file.bytes(), wavOf(audioClip("speech", 300)));
  }
});

Deno.test("openai warm-up finds the transcriptions of a whisper.cpp server, in the configured language", async () => {
  await using peer = startHttpPeer(({ path }) =>
    path === "/inference" ? Response.json({ text: " so" }) : new Response("File Not Found", { status: 404 })
  );
  const result = await warm({ ...transcription(peer.origin), language: "de" });
  assert.deepEqual([result.state, result.detail], ["warmed", "300 ms of speech"]);
  assert.deepEqual(peer.asked.map(({ path }) => path), ["/v1/audio/transcriptions", "/inference"]);
  assert.match(peer.asked[1]!.body, /name="language"\r\n\r\nde\r\n/);
});

Deno.test("trap: a model that an OpenAI-style server does not have fails, and what it has is named", async () => {
  // As vLLM and Speaches say it.
  const says = [
    { object: "error", message: "The model `tiny` does not exist.", type: "NotFoundError", code: 404 },
    { detail: "Model 'tiny' is not installed locally. You can download the model using `POST /v1/models`" },
  ];
  for (const body of says) {
    await using peer = startHttpPeer(({ path }) =>
      path === "/v1/models"
        ? Response.json({ data: [{ id: "base" }, { id: "small" }] })
        : Response.json(body, {
          status: 404,
        })
    );
    for (const spec of [tokens(peer.origin), speech(peer.origin), transcription(peer.origin)]) {
      assert.deepEqual(await warm(spec), {
        state: "failed",
        detail:
          "the server has no model tiny, so it can answer nothing: name one that it has (base, small) or " +
          `fetch it first; it says: ${JSON.stringify(body)}`,
      });
    }
  }
});

Deno.test("openai warm-up of a TTS fails where nothing can be heard", async () => {
  await using peer = startHttpPeer(() => new Response(null, { status: 200 }));
  assert.deepEqual(await warm(speech(peer.origin)), {
    state: "failed",
    detail: "the synthesis gave no sound",
  });
});

Deno.test("openai warm-up is not offered at 404 and 501, and fails at 400 and 500", async () => {
  for (
    const [status, state] of [[404, "not_offered"], [501, "not_offered"], [400, "failed"], [500, "failed"]]
  ) {
    await using peer = startHttpPeer(() => new Response("", { status: status as number }));
    assert.equal((await warm(tokens(peer.origin))).state, state);
    assert.equal((await warm(speech(peer.origin))).state, state);
    assert.equal((await warm(transcription(peer.origin))).state, state);
  }
});

withProcesses.test("exec warm-up goes by the exit code", async () => {
  const exec = (...cmd: string[]) => warm({ ...common, kind: "exec", cmd, timeoutMs: 5000 });
  const ran = await exec("sh", "-c", "exit 0");
  assert.ok(ran.state === "warmed" && ran.ms > 0);
  assert.deepEqual(await exec("sh", "-c", "echo no model >&2; exit 4"), {
    state: "failed",
    detail: "sh ended with exit 4: no model",
  });
  assert.match((await exec("/nonexistent/warm")).detail!, /^\/nonexistent\/warm cannot be run/);
  assert.deepEqual(await warm({ ...common, kind: "exec", cmd: ["sleep", "30"], timeoutMs: 100 }), {
    state: "failed",
    detail: "timed out after 100 ms",
  });
});

Deno.test("audioClip() makes the same loud speech every time, and true silence", () => {
  const speech = audioClip("speech", 300);
  assert.equal(speech.length, 9600);
  assert.deepEqual(speech, audioClip("speech", 300));
  const samples = new Int16Array(speech.buffer);
  const loudest = Math.max(...samples.map(Math.abs));
  assert.ok(loudest > 8000 && loudest < 32_000, `${loudest}`);
  // Loud all along, as speech is: every 50 ms.
  for (let at = 800; at < samples.length; at += 800) {
    assert.ok(samples.subarray(at, at + 800).some((value) => Math.abs(value) > 1000));
  }
  assert.ok(audioClip("silence", 300).every((byte) => byte === 0));
  assert.equal(audioClip("speech", 0).length, 0);
});

Deno.test("wavOf() puts 44 bytes of header before the samples", () => {
  const wav = wavOf(audioClip("speech", 300));
  const view = new DataView(wav.buffer);
  const word = (at: number) => new TextDecoder().decode(wav.subarray(at, at + 4));
  assert.deepEqual([0, 8, 12, 36].map(word), ["RIFF", "WAVE", "fmt ", "data"]);
  assert.deepEqual([4, 16, 24, 28, 40].map((at) => view.getUint32(at, true)), [
    9636,
    16,
    16_000,
    32_000,
    9600,
  ]);
  assert.deepEqual([20, 22, 32, 34].map((at) => view.getUint16(at, true)), [1, 1, 2, 16]);
  assert.equal(wav.length, 9644);
});
