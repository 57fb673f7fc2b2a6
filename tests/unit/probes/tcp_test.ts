import assert from "node:assert/strict";
import { freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { checkOnce, never, probeOf, TestTarget } from "./support.ts";

const tcp = (port: number) => ({ type: "tcp" as const, host: "127.0.0.1", port });

Deno.test("tcp probe waits while nothing listens, and is ready when it can connect", async () => {
  const target = new TestTarget();
  assert.deepEqual(await checkOnce(tcp(freePort()), target), {
    state: "waiting",
    detail: "connection refused",
    unheard: true,
  });
  await using peer = silentPeer();
  assert.deepEqual(await checkOnce(tcp(peer.port), target), { state: "ready", detail: "connected" });
});

Deno.test("tcp probe says why a host cannot be reached, and rejects only with the caller's reason", async () => {
  const result = await checkOnce({ ...tcp(80), host: "nobody.invalid" });
  assert.equal(result.state, "waiting");
  using probe = probeOf(tcp(80));
  await assert.rejects(
    probe.check({ signal: AbortSignal.abort(new Error("stop")), timeoutMs: 10 }),
    /^Error: stop$/,
  );
  assert.equal((await probe.check({ signal: never, timeoutMs: 1000 })).state, "waiting");
});
