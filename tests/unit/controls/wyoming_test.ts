import assert from "node:assert/strict";
import { wyoming } from "../../../lib/controls/wyoming.ts";
import { soundOf } from "../../../lib/protocols/sound.ts";
import { connectTcp } from "../../../lib/sys/net/tcp.ts";
import { encodeEvent, eventReader } from "../../../lib/protocols/wyoming.ts";
import { startPeerBy } from "../../support/peers/python_peer.ts";
import { answering, closingPeer, freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { wyomingTest } from "../../support/reference_python.ts";
import { edited, planOf, problemsOf } from "../../support/config_edit.ts";
import { player, withAsk } from "./support.ts";

const peerOf = (python: string, kind: string, how: unknown = {}) =>
  startPeerBy(python, "./wyoming_reference_peer.py", kind, JSON.stringify(how));
const spec = (port: number, voice: string | null = null, players: string[][] = []) => ({
  kind: "wyoming",
  host: "127.0.0.1",
  port,
  voice,
  language: null,
  players,
});
const speech = { text: "Hi Master.", tag: "boot_greeting" };

wyomingTest("wyoming control: a TTS synthesizes with its voice, and a player is heard", async (python) => {
  await using peer = await peerOf(python, "tts", { names: ["en_US-joe"] });
  await withAsk(async (ask, folder) => {
    const plays = player(folder, "plays", `cp "$1" ${folder}/played; sleep 0.3`);
    const answer = await wyoming.speak!(spec(peer.port, "en_US-joe", [plays]), speech, ask);
    assert.equal(answer.state, "finished");
    const heard = soundOf(Deno.readFileSync(`${folder}/played`))!;
    assert.deepEqual([heard.rate, heard.width, heard.samples.length], [22_050, 2, 3 * 4410]);
    assert.deepEqual((await peer.finish())[0], {
      type: "synthesize",
      data: { text: "Hi Master.", voice: { name: "en_US-joe" } },
      payload: 0,
    });
  });
});

wyomingTest("wyoming control: the sound goes to a snd service", async (python) => {
  await using tts = await peerOf(python, "tts");
  await using snd = await peerOf(python, "snd");
  await withAsk(async (ask) => {
    const { players: _, ...rest } = spec(tts.port);
    const answer = await wyoming.speak!({ ...rest, snd: { host: "127.0.0.1", port: snd.port } }, speech, ask);
    assert.equal(answer.state, "finished");
  });
  assert.equal((await snd.finish()).at(-1)?.type, "audio-stop");
});

wyomingTest("wyoming control: what goes wrong with a synthesis is half a sentence", async (python) => {
  await withAsk(async (ask) => {
    await using peer = await peerOf(python, "tts", { names: ["en_US-joe"] });
    assert.deepEqual(await wyoming.speak!(spec(peer.port, "amy"), speech, ask), {
      state: "failed",
      detail: "the synthesis failed: VoiceNotFoundError: amy",
    });
    await using empty = await peerOf(python, "tts", { tenths: 0 });
    assert.deepEqual(await wyoming.speak!(spec(empty.port), speech, ask), {
      state: "failed",
      detail: "the synthesis gave no sound",
    });
    const port = freePort();
    assert.deepEqual(await wyoming.speak!(spec(port), speech, ask), {
      state: "failed",
      detail: `127.0.0.1:${port}: connection refused`,
      lost: true,
    });
  });
});

wyomingTest(
  "wyoming control: a satellite is paused and run, with or without an answer to ping",
  async (python) => {
    for (const no_pong of [false, true]) {
      await using peer = await peerOf(python, "satellite", { no_pong });
      await withAsk(async (ask) => {
        const paused = await wyoming.mute!(spec(peer.port), "pause", "boot_greeting", ask);
        assert.deepEqual(paused, { state: "ok", status: 200, body: { paused: true } });
        assert.equal((await wyoming.mute!(spec(peer.port), "resume", "boot_greeting", ask)).state, "ok");
      });
      const types = (await peer.finish()).map(({ type }) => type);
      assert.deepEqual(types, ["describe", "pause-satellite", "ping", "describe", "run-satellite", "ping"]);
    }
  },
);

wyomingTest("trap: a satellite that obeys another client is not taken from it", async (python) => {
  await using peer = await peerOf(python, "satellite");
  await withAsk(async (ask) => {
    using owner = await connectTcp("127.0.0.1", peer.port, ask.signal);
    await owner.write(encodeEvent("run-satellite"));
    await owner.write(encodeEvent("ping", { text: "mine" }));
    const events = eventReader(owner);
    assert.equal((await events.next())?.type, "pong");
    for (const verb of ["pause", "resume"] as const) {
      assert.deepEqual(await wyoming.mute!(spec(peer.port), verb, "boot_greeting", ask), {
        state: "not_offered",
        detail:
          `the satellite at 127.0.0.1:${peer.port} belongs to another client, such as Home Assistant, and ` +
          "obeys it alone: let that client pause it, or take it from it",
      });
    }
    await owner.write(encodeEvent("ping", { text: "still mine" }));
    assert.equal((await events.next())?.data.text, "still mine");
  });
});

wyomingTest("wyoming control: a wake service is no satellite", async (python) => {
  await using peer = await peerOf(python, "wake");
  await withAsk(async (ask) => {
    assert.deepEqual(await wyoming.mute!(spec(peer.port), "pause", "boot_greeting", ask), {
      state: "not_offered",
      detail:
        `127.0.0.1:${peer.port} offers wake and is no satellite: whoever listens with it is to be paused`,
    });
  });
});

const ttsWith = (control: string, readiness = "{ type: wyoming, port: 10200 }") =>
  edited(
    [
      '    readiness: { type: "http", url: "http://127.0.0.1:5004/healthz", expect_code: 200 }',
      `    readiness: ${readiness}`,
    ],
    [
      '    default_voice: "en_us_1"',
      `    default_voice: "en_us_1"\n    control: { kind: wyoming${control} }`,
    ],
  );

Deno.test("wyoming control: the readiness says where, the service which voice", () => {
  assert.deepEqual(planOf(ttsWith("")).services[3]!.control, {
    kind: "wyoming",
    host: "127.0.0.1",
    port: 10_200,
    voice: "en_us_1",
    language: null,
    players: [["pw-play"], ["paplay"], ["aplay", "-q"], ["play", "-q"], [
      "ffplay",
      "-nodisp",
      "-autoexit",
      "-loglevel",
      "error",
    ]],
  });
  const own = planOf(ttsWith(", port: 1, voice: joe, language: en, snd: 'pi:10600'")).services[3]!.control;
  assert.deepEqual([own.port, own.voice, own.language, own.snd], [1, "joe", "en", {
    host: "pi",
    port: 10_600,
  }]);
  assert.deepEqual(planOf(ttsWith(", player: [./say]")).services[3]!.control.players, [["/etc/alexa/say"]]);
});

Deno.test("wyoming control: what does not go together is told at its place", () => {
  const messages = (text: string) => problemsOf(text).map(({ message }) => message);
  assert.deepEqual(messages(ttsWith("", "{ type: notify }")), [
    "services.tts.control: nothing says where to send the verbs",
  ]);
  assert.deepEqual(messages(ttsWith(", snd: nowhere")), ["tts: not the address of a snd service"]);
  assert.deepEqual(messages(ttsWith(", snd: 'a:1', player: [aplay]")), [
    "tts: its sound goes to `player` or to `snd`, not to both",
  ]);
});

Deno.test("wyoming control: silence, garbage and closed doors are told apart", async () => {
  await using silent = silentPeer();
  await using http = answering("HTTP/1.1 400 Bad Request\r\n\r\n");
  await using closing = closingPeer();
  await withAsk(async (ask) => {
    const pause = async (port: number) => {
      const answer = await wyoming.mute!(spec(port), "pause", "boot_greeting", ask);
      return answer.state === "failed"
        ? answer.detail.replace(`127.0.0.1:${port}`, "it")
        : assert.fail(answer.state);
    };
    assert.equal(await pause(silent.port), "it: no answer within 300 ms");
    assert.equal(await pause(http.port), "it does not speak Wyoming: the header is not JSON");
    assert.match(
      await pause(closing.port),
      /^it(: connection reset| closed the connection instead of answering)/,
    );
    assert.equal(await pause(freePort()), "it: connection refused");
  }, 300);
});
