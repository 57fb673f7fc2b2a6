import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeHealthResponse,
  encodeHealthRequest,
  healthClient,
  loadGrpc,
} from "../../../lib/protocols/grpc_health.ts";
import { startGrpcPeer } from "../../support/peers/grpc_health_peer.ts";
import { answering, freePort, silentPeer } from "../../support/peers/tcp_peer.ts";

const signal = new AbortController().signal;
const patient = { signal, timeoutMs: 5000 };

Deno.test("encodeHealthRequest() writes field 1, and nothing for the whole server", () => {
  assert.deepEqual([...encodeHealthRequest("")], []);
  assert.deepEqual([...encodeHealthRequest("ab")], [0x0a, 2, 0x61, 0x62]);
  assert.deepEqual([...encodeHealthRequest("x".repeat(300)).subarray(0, 3)], [0x0a, 0xac, 0x02]);
});

Deno.test("decodeHealthResponse() finds the status among unknown fields", () => {
  assert.equal(decodeHealthResponse(new Uint8Array()), 0);
  assert.equal(decodeHealthResponse(Uint8Array.from([0x08, 1])), 1);
  // Field 2: bytes of length 2; field 3: fixed32; field 4: fixed64; then status = 2.
  const raw = [0x12, 2, 9, 9, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x08, 2];
  assert.equal(decodeHealthResponse(Uint8Array.from(raw)), 2);
});

Deno.test("decodeHealthResponse() throws nothing but a RangeError", () => {
  assert.throws(() => decodeHealthResponse(Uint8Array.from([0x08])), RangeError);
  assert.throws(() => decodeHealthResponse(Uint8Array.from([0x12, 5, 1])), RangeError);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (raw) => {
    try {
      assert.equal(typeof decodeHealthResponse(raw), "number");
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }));
});

Deno.test("healthClient() tells every answer of a server apart", async () => {
  const { status } = await loadGrpc();
  await using peer = await startGrpcPeer((service) => {
    const byName = { "": 1, loading: 2, unsure: 0, odd: 3, strange: 77 }[service];
    if (byName !== undefined) return { status: byName };
    if (service === "secret") return { error: status.PERMISSION_DENIED, details: "who are you?" };
    return { error: status.NOT_FOUND };
  });
  using client = healthClient(peer.target);
  assert.deepEqual(await client.check("", patient), { kind: "serving" });
  assert.deepEqual(await client.check("loading", patient), { kind: "not_serving" });
  assert.deepEqual(await client.check("unsure", patient), { kind: "unknown" });
  assert.deepEqual(await client.check("odd", patient), { kind: "service_unknown" });
  assert.deepEqual(await client.check("strange", patient), { kind: "unknown" });
  assert.deepEqual(await client.check("nobody", patient), { kind: "service_unknown" });
  assert.deepEqual(await client.check("secret", patient), {
    kind: "refused",
    code: "PERMISSION_DENIED",
    detail: "who are you?",
  });
  const long = "ü".repeat(200);
  await client.check(long, patient);
  assert.equal(peer.asked.at(-1), long);
});

Deno.test("healthClient() says when there is no health service, no gRPC, and nothing at all", async () => {
  await using bare = await startGrpcPeer(null);
  await using http1 = answering("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
  const ask = async (target: string) => {
    using client = healthClient(target);
    return (await client.check("", patient)).kind;
  };
  assert.equal(await ask(bare.target), "unimplemented");
  assert.equal(await ask(`127.0.0.1:${http1.port}`), "unavailable");
  assert.equal(await ask(`127.0.0.1:${freePort()}`), "unavailable");
});

Deno.test("healthClient() keeps its time against servers that say nothing", async () => {
  await using mute = await startGrpcPeer(() => "nothing");
  await using plain = silentPeer();
  for (const target of [mute.target, `127.0.0.1:${plain.port}`]) {
    using client = healthClient(target);
    const began = performance.now();
    assert.equal((await client.check("", { signal, timeoutMs: 150 })).kind, "timeout");
    assert.ok(performance.now() - began < 2000);
  }
});

Deno.test("healthClient() rejects with the caller's reason", async () => {
  await using mute = await startGrpcPeer(() => "nothing");
  using client = healthClient(mute.target);
  const caller = new AbortController();
  const checking = client.check("", { signal: caller.signal, timeoutMs: 5000 });
  caller.abort(new Error("the child died"));
  await assert.rejects(checking, /the child died/);
});

Deno.test("healthClient() asks anew at once after a failure, without waiting off a pause", async () => {
  const port = freePort();
  using client = healthClient(`127.0.0.1:${port}`);
  assert.equal((await client.check("", patient)).kind, "unavailable");
  // The second failure comes from a new connect, not from a channel that sulks for a second.
  const began = performance.now();
  assert.equal((await client.check("", patient)).kind, "unavailable");
  assert.ok(performance.now() - began < 500);
});
