import assert from "node:assert/strict";
import { startPythonPeer } from "../../support/peers/python_peer.ts";
import { answering, closingPeer, endlessPeer, freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { checkOnce } from "./support.ts";
import { withProcesses } from "../../support/with_processes.ts";

const wyoming = (port: number, expect: Record<string, string> = {}) => ({
  type: "wyoming" as const,
  host: "127.0.0.1",
  port,
  expect,
});

for (const style of ["block", "inline", "split"]) {
  withProcesses.test(`wyoming probe understands a server that writes in ${style} style`, async () => {
    await using peer = await startPythonPeer("./wyoming_peer.py", style);
    assert.deepEqual(await checkOnce(wyoming(peer.port)), { state: "ready", detail: "info: asr" });
    assert.equal((await checkOnce(wyoming(peer.port, { asr: "tiny" }))).state, "ready");
    const said = await peer.finish();
    assert.deepEqual(said.map(({ type }) => type), ["describe", "describe"]);
  });
}

withProcesses.test("wyoming probe names what is there when the expected word is not", async () => {
  const info = {
    wake: [{ name: "openwakeword", models: [{ name: "ok_nabu" }, { name: "hey_jarvis_v0.1" }] }],
  };
  await using peer = await startPythonPeer("./wyoming_peer.py", "block", JSON.stringify(info));
  assert.equal((await checkOnce(wyoming(peer.port, { wake: "hey_jarvis" }))).state, "ready");
  assert.deepEqual(await checkOnce(wyoming(peer.port, { wake: "alexa" })), {
    state: "wrong",
    detail:
      `info has no wake "alexa"; there is openwakeword, ok_nabu, hey_jarvis_v0.1: it would listen for another ` +
      "word, and not say so; expect one of these, or give it alexa",
  });
  assert.deepEqual(await checkOnce(wyoming(peer.port, { asr: "tiny" })), {
    state: "wrong",
    detail: `info has no asr "tiny"; there is none`,
  });
});

withProcesses.test("P8: wyoming probe finds a satellite, which is an object and not a list", async () => {
  for (const satellite of [{ name: "kitchen", area: null }, [{ name: "kitchen" }]]) {
    const info = { asr: [], satellite };
    await using peer = await startPythonPeer("./wyoming_peer.py", "block", JSON.stringify(info));
    assert.deepEqual(await checkOnce(wyoming(peer.port, { satellite: "kitchen" })), {
      state: "ready",
      detail: "info: satellite",
    });
    assert.deepEqual(await checkOnce(wyoming(peer.port, { satellite: "bath" })), {
      state: "wrong",
      detail: `info has no satellite "bath"; there is kitchen`,
    });
  }
});

Deno.test("wyoming probe answers whatever the other side does", async () => {
  await using closing = closingPeer();
  await using silent = silentPeer();
  await using http = answering("HTTP/1.1 400 Bad Request\r\n\r\n");
  await using chatty = endlessPeer("", `{"type":"ping"}\n`);
  await using flood = endlessPeer("", "x".repeat(100_000));
  const check = (port: number, timeoutMs?: number) => checkOnce(wyoming(port), undefined, timeoutMs);
  assert.deepEqual(await check(freePort()), {
    state: "waiting",
    detail: "connection refused",
    unheard: true,
  });
  assert.equal((await check(closing.port)).state, "waiting");
  assert.deepEqual(await check(silent.port, 80), { state: "timeout", detail: "no answer within 80 ms" });
  assert.deepEqual(await check(http.port), {
    state: "wrong",
    detail: "does not speak Wyoming: the header is not JSON",
  });
  assert.deepEqual(await check(chatty.port), { state: "wrong", detail: "64 events and no info among them" });
  assert.equal((await check(flood.port)).state, "wrong");
});
