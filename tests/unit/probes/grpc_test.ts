import assert from "node:assert/strict";
import { startGrpcPeer } from "../../support/peers/grpc_health_peer.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { answering, closingPeer, freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { checkOnce, never, probeOf } from "./support.ts";

const grpc = (target: string, service = "") => ({ type: "grpc" as const, target, service });
const notFound = 5;

Deno.test("grpc probe has a sentence for each answer of a health service", async () => {
  await using peer = await startGrpcPeer((service) => {
    const byName = { "": 1, loading: 2, unsure: 0 }[service];
    return byName === undefined ? { error: notFound } : { status: byName };
  });
  const check = (service: string) => checkOnce(grpc(peer.target, service));
  assert.deepEqual(await check(""), { state: "ready", detail: "SERVING" });
  assert.deepEqual(await check("loading"), { state: "waiting", detail: "NOT_SERVING, alive but loading" });
  assert.deepEqual(await check("unsure"), {
    state: "waiting",
    detail: "UNKNOWN, alive but has not said how it is",
  });
  const unknown = await check("lm");
  assert.equal(unknown.state, "wrong");
  assert.match(unknown.detail, /^NOT_FOUND, the server knows no service "lm"/);
});

Deno.test("a web server of HTTP/2 is not taken for a gRPC server that refuses, or that has no health service", async () => {
  for (const status of [200, 404]) {
    await using web = startHttpPeer(() => new Response("Ollama is running", { status }));
    const result = await checkOnce(grpc(`127.0.0.1:${web.port}`));
    assert.equal(result.state, "wrong");
    assert.match(
      result.detail,
      /^something listens on 127\.0\.0\.1:\d+, but it does not speak gRPC \(Received/,
    );
  }
});

Deno.test("grpc probe has a sentence for what is no health service", async () => {
  await using bare = await startGrpcPeer(null);
  await using http1 = answering("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  await using closing = closingPeer();
  await using silent = silentPeer();
  const unimplemented = await checkOnce(grpc(bare.target));
  assert.deepEqual([unimplemented.state, unimplemented.detail.slice(0, 13)], ["wrong", "UNIMPLEMENTED"]);
  for (const { port } of [http1, closing]) {
    const result = await checkOnce(grpc(`127.0.0.1:${port}`));
    assert.equal(result.state, "wrong");
    assert.match(result.detail, /^something listens on 127\.0\.0\.1:\d+, but it does not speak gRPC/);
  }
  assert.deepEqual(await checkOnce(grpc(`127.0.0.1:${silent.port}`), undefined, 100), {
    state: "timeout",
    detail: "no answer within 100 ms",
  });
  assert.deepEqual(await checkOnce(grpc(`127.0.0.1:${freePort()}`)), {
    state: "waiting",
    detail: "connection refused",
    unheard: true,
  });
  const unix = await checkOnce(grpc("unix:/nonexistent/socket"));
  assert.deepEqual([unix.state, unix.detail.slice(0, 11)], ["waiting", "UNAVAILABLE"]);
});

Deno.test("grpc probe follows a server through its life and leaves no connection open", async () => {
  let status = 2;
  const peer = await startGrpcPeer(() => ({ status }));
  using probe = probeOf(grpc(peer.target));
  const check = async () => (await probe.check({ signal: never, timeoutMs: 5000 })).state;
  try {
    // A server that stops says GOAWAY on what is open, and the runtime was seen to abort of that.
    for (let i = 0; i < 5; i++) assert.equal(await check(), "waiting");
    assert.equal(peer.askers.size, 5, "a connection each time");
    status = 1;
    for (let i = 0; i < 3; i++) assert.equal(await check(), "ready");
  } finally {
    await peer[Symbol.asyncDispose]();
  }
  const gone = await probe.check({ signal: never, timeoutMs: 5000 });
  assert.deepEqual(gone, { state: "waiting", detail: "connection refused", unheard: true });
});

Deno.test("grpc probe rejects only with the caller's reason", async () => {
  await using mute = await startGrpcPeer(() => "nothing");
  using probe = probeOf(grpc(mute.target));
  const caller = new AbortController();
  const checking = probe.check({ signal: caller.signal, timeoutMs: 5000 });
  caller.abort(new Error("the child died"));
  await assert.rejects(checking, /the child died/);
});
