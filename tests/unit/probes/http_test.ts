import assert from "node:assert/strict";
import { firstDifference } from "../../../lib/probes/http.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { answering, closingPeer, endlessPeer, freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { checkOnce, never, probeOf } from "./support.ts";

const http = (url: string, expectCode = 200, expectJson: Record<string, unknown> | null = null) => ({
  type: "http" as const,
  url,
  expectCode,
  expectJson,
});

Deno.test("http probe tells ready, loading and wrong by the status", async () => {
  await using peer = startHttpPeer(({ path }) => new Response(null, { status: Number(path.slice(1)) }));
  const check = (status: number, expected = 200) => checkOnce(http(`${peer.origin}/${status}`, expected));
  assert.deepEqual(await check(200), { state: "ready", detail: "200" });
  assert.deepEqual(await check(204, 204), { state: "ready", detail: "204" });
  assert.deepEqual(await check(503), { state: "waiting", detail: "503, loading" });
  assert.deepEqual(await check(500), { state: "waiting", detail: "500, expected 200" });
  assert.deepEqual(await check(429), { state: "waiting", detail: "429, expected 200" });
  assert.deepEqual(await check(404), { state: "wrong", detail: "404, expected 200" });
  assert.deepEqual(await check(204), { state: "wrong", detail: "204, expected 200" });
  assert.deepEqual(await check(201), { state: "wrong", detail: "201, expected 200" });
  assert.deepEqual(await check(302), { state: "wrong", detail: "302, expected 200" });
  assert.equal(peer.asked.every(({ method }) => method === "GET"), true);
});

Deno.test("http probe looks into the body only when JSON is expected", async () => {
  await using peer = startHttpPeer(({ path }) =>
    new Response(
      path === "/text" ? "fine" : `{"status":"ok","model":{"loaded":true,"name":"tiny"},"n":[1,2]}`,
    )
  );
  const check = (path: string, json: Record<string, unknown> | null) =>
    checkOnce(http(peer.origin + path, 200, json));
  assert.equal((await check("/text", null)).state, "ready");
  assert.deepEqual(await check("/text", {}), { state: "wrong", detail: "200, but the body is not JSON" });
  assert.equal((await check("/", { status: "ok", model: { loaded: true }, n: [1, 2] })).state, "ready");
  assert.deepEqual(await check("/", { model: { loaded: false } }), {
    state: "waiting",
    detail: "200, but model.loaded is true, expected false",
  });
  assert.deepEqual(await check("/", { gpu: 1 }), { state: "waiting", detail: "200, but gpu is missing" });
});

Deno.test("firstDifference() compares objects as subsets, arrays and scalars as they are", () => {
  assert.equal(firstDifference({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }], c: 3 }, ""), null);
  assert.equal(firstDifference({ a: [1] }, { a: [1, 2] }, ""), "a is [1,2], expected [1]");
  assert.equal(firstDifference({ a: [{}] }, { a: [{ b: 1 }] }, ""), `a is [{"b":1}], expected [{}]`);
  assert.equal(firstDifference({ a: null }, {}, ""), "a is missing");
  assert.equal(firstDifference({ a: { b: 1 } }, { a: 7 }, ""), "a is 7, expected an object");
  assert.equal(firstDifference({}, [], ""), "the body is [], expected an object");
  assert.equal(firstDifference({ toString: 1 }, {}, ""), "toString is missing");
});

Deno.test("http probe answers whatever the other side does", async () => {
  await using closing = closingPeer();
  await using silent = silentPeer();
  await using garbage = answering("\x00\x01\x02\n");
  await using bigHead = endlessPeer("HTTP/1.1 200 OK\r\n", `A: ${"b".repeat(900)}\r\n`);
  await using endless = endlessPeer("HTTP/1.1 200 OK\r\n\r\n", "c".repeat(9000));
  const check = (port: number, timeoutMs?: number, json: Record<string, unknown> | null = null) =>
    checkOnce(http(`http://127.0.0.1:${port}/`, 200, json), undefined, timeoutMs);
  assert.deepEqual(await check(freePort()), {
    state: "waiting",
    detail: "connection refused",
    unheard: true,
  });
  assert.deepEqual(await check(silent.port, 80), { state: "timeout", detail: "no answer within 80 ms" });
  assert.equal((await check(closing.port)).state, "waiting");
  assert.equal((await check(garbage.port)).state, "wrong");
  assert.equal((await check(bigHead.port)).state, "wrong");
  assert.equal((await check(endless.port)).state, "ready");
  assert.equal((await check(endless.port, 5000, {})).state, "wrong");
});

Deno.test("http probe rejects only with the caller's reason", async () => {
  await using silent = silentPeer();
  using probe = probeOf(http(`http://127.0.0.1:${silent.port}/`));
  const caller = new AbortController();
  const checking = probe.check({ signal: caller.signal, timeoutMs: 5000 });
  caller.abort(new Error("the child died"));
  await assert.rejects(checking, /^Error: the child died$/);
  assert.equal((await probe.check({ signal: never, timeoutMs: 50 })).state, "timeout");
});
