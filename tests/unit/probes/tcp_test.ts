import assert from "node:assert/strict";
import { startPythonPeer } from "../../support/peers/python_peer.ts";
import { freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { checkOnce, never, probeOf, TestTarget } from "./support.ts";

const tcp = (port: number, owner: "service" | "any" = "service") => ({
  type: "tcp" as const,
  host: "127.0.0.1",
  port,
  owner,
});

Deno.test("tcp probe waits while nothing listens, and asks for no process tree meanwhile", async () => {
  const target = new TestTarget();
  target.tree = new Set([Deno.pid]);
  assert.deepEqual(await checkOnce(tcp(freePort()), target), {
    state: "waiting",
    detail: "connection refused",
    unheard: true,
  });
  assert.equal(target.treeAsked, 0);
});

Deno.test("tcp probe is ready when the listener belongs to the service's process tree", async () => {
  await using child = await startPythonPeer("./wyoming_peer.py");
  const target = new TestTarget();
  target.tree = new Set([child.pid]);
  assert.equal((await checkOnce(tcp(child.port), target)).state, "ready");
});

Deno.test("tcp probe does not take a stranger's listener, and names the stranger", async () => {
  await using child = await startPythonPeer("./wyoming_peer.py");
  const target = new TestTarget();
  target.tree = new Set([Deno.pid]);
  const result = await checkOnce(tcp(child.port), target);
  assert.equal(result.state, "wrong");
  assert.match(
    result.detail,
    new RegExp(`^port ${child.port} is held by .*${child.pid}.*python.*, not by stt$`),
  );
});

Deno.test("tcp probe believes a proven owner only as long as it is in the tree", async () => {
  await using child = await startPythonPeer("./wyoming_peer.py");
  const target = new TestTarget();
  target.tree = new Set([child.pid]);
  using probe = probeOf(tcp(child.port), target);
  const state = async () => (await probe.check({ signal: never, timeoutMs: 5000 })).state;
  assert.deepEqual([await state(), await state()], ["ready", "ready"]);
  target.tree = new Set([Deno.pid]);
  assert.equal(await state(), "wrong");
  target.tree = new Set([child.pid]);
  assert.equal(await state(), "ready");
});

Deno.test("tcp probe takes any listener with owner any, or when there is no tree to compare with", async () => {
  await using peer = silentPeer();
  const target = new TestTarget();
  target.tree = new Set([1]);
  assert.equal((await checkOnce(tcp(peer.port, "any"), target)).state, "ready");
  assert.equal(target.treeAsked, 0);
  target.tree = null;
  assert.equal((await checkOnce(tcp(peer.port), target)).state, "ready");
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
