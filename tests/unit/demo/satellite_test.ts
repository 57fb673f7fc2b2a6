/** The satellite against engines that the test plays, in a real room. */
import assert from "node:assert/strict";
import { parseTurn } from "../../../lib/metrics/turns.ts";
import { sayInRoom, setRoom } from "../../../scripts/voice/room.ts";
import { startEnginePeer } from "../../support/peers/engine_peer.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";
import { ask, startChild, type TestChild } from "./children.ts";
import { withoutPython } from "./python.ts";

const scripts = new URL("../../../lib/demo/assistant/", import.meta.url).pathname;
const voice = { rate: 22050, width: 2, channels: 1 };
const tone = (seconds: number, rate = 16000) =>
  Int16Array.from({ length: seconds * rate }, (_, at) => 8000 * Math.sin(at / 8));

interface Around extends AsyncDisposable {
  room: number;
  port: number;
  satellite: TestChild;
  wake: ReturnType<typeof startEnginePeer>;
  stt: ReturnType<typeof startEnginePeer>;
  tts: ReturnType<typeof startEnginePeer>;
  /** Turns as they were told to NOTIFY_SOCKET. */
  turn(): Promise<string>;
}

/** `answer`: the language model's stream. */
async function start(answer: () => Response, o: { stt?: number } = {}): Promise<Around> {
  await using stack = new AsyncDisposableStack();
  const folder = Deno.makeTempDirSync({ dir: "/tmp", prefix: "sat" });
  stack.defer(() => Deno.removeSync(folder, { recursive: true }));
  const wake = stack.use(startEnginePeer());
  const stt = stack.use(startEnginePeer(async ({ type }, client) => {
    if (type === "audio-stop") await client.send("transcript", { text: "where is the secret door" });
  }));
  const tts = stack.use(startEnginePeer(async ({ type }, client) => {
    if (type !== "synthesize") return;
    await client.send("audio-start", voice);
    await client.send("audio-chunk", voice, new Uint8Array(tone(0.3, voice.rate).buffer));
    await client.send("audio-stop");
  }));
  const llm = stack.use(startHttpPeer(answer));
  const room = stack.use(startChild(["/usr/bin/env", "python3", "-B", `${scripts}room.py`], {
    env: { ALEXA_BIND_PORT: "0" },
  }));
  const roomPort = await room.port();
  const notify = Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/notify` });
  stack.defer(() => notify.close());
  const sound = (role: string) => `{python} -B ${scripts}room.py ${role} 127.0.0.1:${roomPort}`;
  const satellite = stack.use(startChild([
    "/usr/bin/env",
    "python3",
    "-B",
    `${scripts}satellite.py`,
    `--wake=127.0.0.1:${wake.port}`,
    `--stt=127.0.0.1:${o.stt ?? stt.port}`,
    `--llm=${llm.origin}`,
    `--tts=127.0.0.1:${tts.port}`,
    `--microphone=${sound("microphone")}`,
    `--speaker=${sound("speaker")} {rate}`,
  ], { env: { ALEXA_BIND_PORT: "0", NOTIFY_SOCKET: `${folder}/notify` }, group: true }));
  const port = await satellite.port();
  const kept = stack.move();
  return {
    room: roomPort,
    port,
    satellite,
    wake,
    stt,
    tts,
    async turn() {
      const [bytes] = await notify.receive();
      const text = new TextDecoder().decode(bytes);
      assert.ok(text.startsWith("X_ALEXA_TURN="));
      return text.slice("X_ALEXA_TURN=".length);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

const post = async (around: Around, verb: string, reason: string) =>
  (await ask(around.port, `POST /control/${verb}`, { reason })).json;
/** Its answer to "are you ready?", when it has this status. */
async function until(around: Around, status: number) {
  for (let tries = 0;; tries++) {
    const answer = await ask(around.port, "GET /ready");
    if (answer.status === status || tries === 100) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
const streamOf = (...tokens: string[]) =>
  tokens.map((content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`).join("");

withProcesses.test({
  name:
    "satellite.py speaks each sentence while the next is thought, and tells the turn without a word of it",
  ignore: withoutPython,
  async fn() {
    const more = Promise.withResolvers<void>();
    const answer = () =>
      new Response(ReadableStream.from((async function* () {
        yield new TextEncoder().encode(streamOf("The hidden ", "door is here. "));
        await more.promise;
        yield new TextEncoder().encode(streamOf("Look ", "behind you.") + "data: [DONE]\n\n");
      })()));
    await using around = await start(answer);
    const first = await around.wake.client(1);
    while (first.sound < 64000 + 640) await new Promise((resolve) => setTimeout(resolve, 10));
    await first.send("detection", { name: "alexa_v0.1" });
    await first.send("detection", { name: "alexa_v0.1" });
    const hearing = await around.stt.client(1);
    await sayInRoom(around.room, tone(0.8));
    const speaking = await around.tts.client(1);
    assert.ok(hearing.loud, "what was said went to STT");
    assert.equal((await speaking.first).data.text, "The hidden door is here.");
    more.resolve();
    const told = await around.turn();
    const turn = parseTurn(told)!;
    assert.equal(turn.outcome, "answered", around.satellite.lines.join("\n"));
    const { end_of_speech, text, first_token, first_audio, end } = turn.ms;
    const stages = [end_of_speech!, text!, first_token!, first_audio!, end];
    assert.deepEqual(stages, stages.toSorted((a, b) => a - b));
    assert.ok(end_of_speech! > 1300, "0.8 s of speech and 0.7 s of silence after it");
    assert.ok(end - first_audio! > 500, "two sentences of 0.3 s");
    assert.equal(around.tts.clients[1]!.events[0]!.data.text, "Look behind you.");
    assert.equal(JSON.parse(told).turn, 1);

    // It listens again, with a detector that has heard nothing of the turn; the second detection was no turn.
    await around.wake.client(2);
    const printed = around.satellite.lines.join("\n");
    assert.equal(printed.match(/wake word heard/g)?.length, 1, printed);
    assert.ok(!/secret|hidden|door|behind/.test(printed + told), printed);
  },
});

withProcesses.test({
  name: "satellite.py is paused for reasons, each of which is taken back alone, and begins anew at resume",
  ignore: withoutPython,
  async fn() {
    await using around = await start(() => new Response(streamOf("No.")));
    const first = await around.wake.client(1);
    assert.deepEqual(await post(around, "pause", "boot_greeting"), {
      paused: true,
      reasons: ["boot_greeting"],
    });
    assert.deepEqual((await post(around, "pause", "user")).reasons, ["boot_greeting", "user"]);
    const before = first.sound;
    while (first.sound === before) await new Promise((resolve) => setTimeout(resolve, 10)); // it goes on listening
    await first.send("detection", { name: "alexa" });
    await around.satellite.line(/not acted upon: paused/);
    assert.deepEqual(await post(around, "resume", "boot_greeting"), { paused: true, reasons: ["user"] });
    await around.wake.client(2);
    await (await around.wake.client(2)).send("detection", { name: "alexa" });
    assert.deepEqual(await post(around, "resume", "user"), { paused: false, reasons: [] });
    await (await around.wake.client(3)).send("detection", { name: "alexa" });
    // Nobody speaks, so the turn ends without an answer.
    const turn = parseTurn(await around.turn())!;
    assert.equal(turn.outcome, "nothing_said");
    assert.equal(around.satellite.lines.filter((line) => /wake word heard/.test(line)).length, 1);
  },
});

withProcesses.test({
  name: "satellite.py names who failed, and listens again; without a microphone it is not ready",
  ignore: withoutPython,
  async fn() {
    await using around = await start(() => new Response(streamOf("No.")), { stt: 1 });
    await (await around.wake.client(1)).send("detection", { name: "alexa" });
    const turn = parseTurn(await around.turn())!;
    assert.deepEqual([turn.outcome, turn.ms.text], ["failed", null]);
    await around.satellite.line(/WARNING: turn 1: STT at 127\.0\.0\.1:1: .*refused/);
    await (await around.wake.client(2)).first;
    assert.equal((await until(around, 200)).status, 200);

    await setRoom(around.room, "microphone", "dead");
    const answer = await until(around, 503);
    assert.equal(answer.json.why, "no sound from the microphone");
  },
});
