import assert from "node:assert/strict";
import { startPythonPeer } from "../../support/peers/python_peer.ts";
import {
  answering,
  closingPeer,
  freePort,
  send,
  silentPeer,
  startTcpPeer,
} from "../../support/peers/tcp_peer.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { runCommand } from "../../../lib/sys/process/command.ts";
import { runWarmup } from "../../../lib/warmups/mod.ts";
import { common, warm } from "./support.ts";
import { withProcesses } from "../../support/with_processes.ts";

const wyoming = (port: number, audio: "speech" | "silence" = "speech") => ({
  ...common,
  kind: "wyoming" as const,
  host: "127.0.0.1",
  port,
  ask: "transcribe" as const,
  audio,
  audioMs: 300,
});

for (const style of ["block", "inline", "split"]) {
  withProcesses.test(`wyoming warm-up transcribes with a server that writes in ${style} style`, async () => {
    await using peer = await startPythonPeer("./wyoming_peer.py", style);
    const result = await warm(wyoming(peer.port));
    assert.equal(result.state, "warmed");
    assert.equal(result.detail, "300 ms of speech");
    const said = await peer.finish();
    const types = said.map(({ type }) => type).filter(Boolean);
    assert.deepEqual(types, [
      "describe",
      "transcribe",
      "audio-start",
      ...Array(5).fill("audio-chunk"),
      "audio-stop",
    ]);
    assert.deepEqual(said.find(({ type }) => type === "audio-start")!.data, {
      rate: 16_000,
      width: 2,
      channels: 1,
      timestamp: 0,
    });
    // 300 ms of 16 kHz, 16 bit, mono.
    assert.deepEqual(said.at(-1), { audio_bytes: 9600, loud: true });
  });
}

withProcesses.test("wyoming warm-up can be made of silence, and repeated", async () => {
  await using peer = await startPythonPeer("./wyoming_peer.py");
  assert.equal((await warm({ ...wyoming(peer.port, "silence"), runs: 2 })).state, "warmed");
  const audio = (await peer.finish()).filter((line) => "audio_bytes" in line);
  assert.deepEqual(audio, Array(2).fill({ audio_bytes: 9600, loud: false }));
});

withProcesses.test("wyoming warm-up fails when the transcription does", async () => {
  await using erring = await startPythonPeer("./wyoming_peer.py", "error");
  assert.deepEqual(await warm(wyoming(erring.port)), {
    state: "failed",
    detail: "the transcription failed: no model",
  });
  await using leaving = await startPythonPeer("./wyoming_peer.py", "hangs_up");
  assert.deepEqual(await warm(wyoming(leaving.port)), {
    state: "failed",
    detail: "the connection was closed before the transcript",
  });
  assert.equal((await warm(wyoming(freePort()))).state, "failed");
});

const synthesis = (port: number, voice: string | null = null) => ({
  ...common,
  kind: "wyoming" as const,
  host: "127.0.0.1",
  port,
  ask: "synthesize" as const,
  voice,
  text: "Ready.",
});
const speaker = JSON.stringify({ tts: [{ name: "piper" }] });

for (const style of ["block", "inline", "split"]) {
  withProcesses.test(`P3: wyoming warm-up lets a TTS speak that writes in ${style} style`, async () => {
    await using peer = await startPythonPeer("./wyoming_peer.py", style, speaker);
    const result = await warm(synthesis(peer.port, "amy"));
    assert.deepEqual([result.state, result.detail], ["warmed", "640 bytes of audio"]);
    const asked = (await peer.finish()).map(({ type, data }) => [type, data]);
    assert.deepEqual(asked, [["describe", {}], ["synthesize", { text: "Ready.", voice: { name: "amy" } }]]);
  });
}

withProcesses.test("P3: wyoming warm-up of a TTS without its voice fails: only sound proves it", async () => {
  const said = { error: "the synthesis failed: no voice", mute: "the synthesis gave no sound" };
  const closed = { hangs_up: "the connection was closed before the end of the sound" };
  for (const [style, detail] of Object.entries({ ...said, ...closed })) {
    await using peer = await startPythonPeer("./wyoming_peer.py", style, speaker);
    assert.deepEqual(await warm(synthesis(peer.port)), { state: "failed", detail });
  }
  await using listener = await startPythonPeer("./wyoming_peer.py");
  const { state, detail } = await warm(synthesis(listener.port));
  assert.deepEqual([state, detail], [
    "not_offered",
    `127.0.0.1:${listener.port} offers asr, but no synthesis`,
  ]);
});

withProcesses.test("wyoming warm-up is not offered by what does not speak Wyoming", async () => {
  await using closing = closingPeer();
  await using http = answering("HTTP/1.1 400 Bad Request\r\n\r\n");
  for (const { port } of [closing, http]) {
    const result = await warm(wyoming(port));
    assert.equal(result.state, "not_offered");
  }
  await using piper = await startPythonPeer("./wyoming_peer.py", "block", speaker);
  assert.deepEqual(await warm(wyoming(piper.port)).then(({ state, detail }) => [state, detail]), [
    "not_offered",
    `127.0.0.1:${piper.port} offers tts, but no transcription`,
  ]);
});

Deno.test("wyoming warm-up is not offered by a server that stays silent for 2 s", async () => {
  const heard = Promise.withResolvers<void>();
  await using silent = startTcpPeer(async (conn) => {
    await conn.read(new Uint8Array(100));
    heard.resolve();
    await conn.read(new Uint8Array(100));
  });
  const clock = new FakeClock();
  const warming = runWarmup(wyoming(silent.port), {
    clock,
    signal: new AbortController().signal,
    run: runCommand,
  });
  await heard.promise;
  await clock.advance(2000);
  const result = await warming;
  assert.equal(result.state, "not_offered");
  assert.match(result.detail, /did not answer a Wyoming describe within 2 s$/);
  assert.equal(clock.pending, 0);
});

Deno.test("wyoming warm-up times out when the transcript never comes", async () => {
  await using stuck = startTcpPeer(async (conn) => {
    const buffer = new Uint8Array(4096);
    const size = await conn.read(buffer);
    if (new TextDecoder().decode(buffer.subarray(0, size!)).includes("describe")) {
      await send(conn, `{"type":"info","data":{"asr":[{"name":"stuck"}]}}\n`);
    }
    while (await conn.read(buffer) !== null);
  });
  assert.deepEqual(await warm({ ...wyoming(stuck.port), timeoutMs: 200 }), {
    state: "failed",
    detail: "timed out after 200 ms",
  });
});

Deno.test("wyoming warm-up rejects with the caller's reason", async () => {
  await using silent = silentPeer();
  const caller = new AbortController();
  const warming = warm(wyoming(silent.port), caller.signal);
  caller.abort(new Error("stop"));
  await assert.rejects(warming, /^Error: stop$/);
});
