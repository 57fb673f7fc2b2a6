/** Whose listener it is that answers a probe: this process is the service, or a stranger. */
import assert from "node:assert/strict";
import { startGrpcPeer } from "../../support/peers/grpc_health_peer.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { startOllamaPeer } from "../../support/peers/ollama_peer.ts";
import { answering, freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import type { ProbeSpec } from "../../../lib/model/plan.ts";
import { encodeEvent } from "../../../lib/protocols/wyoming.ts";
import { portOf } from "../../../lib/probes/kinds.ts";
import { checkOnce, never, probeOf, TestTarget } from "./support.ts";

const host = "127.0.0.1";
const us = new Set([Deno.pid]);
const others = new Set([1]);

/** Servers of every kind that is asked over the network, each of them ready. */
const kinds: Record<string, () => Promise<{ spec: ProbeSpec } & AsyncDisposable>> = {
  tcp() {
    const peer = silentPeer();
    return served(peer, { type: "tcp", host, port: peer.port });
  },
  http() {
    const peer = startHttpPeer(() => new Response("ok"));
    return served(peer, { type: "http", url: peer.origin, expectCode: 200, expectJson: null });
  },
  async grpc() {
    const peer = await startGrpcPeer(() => ({ status: 1 }));
    return await served(peer, { type: "grpc", target: peer.target, service: "" });
  },
  wyoming() {
    const peer = answering(encodeEvent("info", { asr: [{ name: "whisper" }] }));
    return served(peer, { type: "wyoming", host, port: peer.port, expect: {} });
  },
  ollama() {
    const peer = startOllamaPeer({ models: ["qwen3:4b"] });
    return served(peer, { type: "ollama", url: peer.origin, model: "qwen3:4b" });
  },
};

async function served(peer: AsyncDisposable, spec: ProbeSpec) {
  return { spec, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
}

function withListener(spec: ProbeSpec): ProbeSpec {
  return { ...spec, listener: { host, port: portOf(spec)!.port } };
}

function targetOf(tree: ReadonlySet<number> | null): TestTarget {
  return Object.assign(new TestTarget(), { tree });
}

for (const [kind, serve] of Object.entries(kinds)) {
  Deno.test(`R7: ${kind} readiness believes no stranger's answer, and names the stranger`, async () => {
    await using server = await serve();
    const spec = withListener(server.spec);
    assert.equal((await checkOnce(spec, targetOf(us))).state, "ready");
    const result = await checkOnce(spec, targetOf(others));
    assert.equal(result.state, "wrong");
    const { port } = portOf(server.spec)!;
    assert.match(result.detail, new RegExp(`^port ${port} is held by pid ${Deno.pid} \\(.*\\), not by stt$`));
    // Where nobody can say, or need say, whose it is.
    assert.equal((await checkOnce(spec, targetOf(null))).state, "ready");
    const anyone = targetOf(others);
    assert.equal((await checkOnce(server.spec, anyone)).state, "ready");
    assert.equal(anyone.treeAsked, 0);
  });
}

Deno.test("a stranger is named whatever it answers, and the service's own answers stay as they are", async () => {
  let answer = () => Promise.resolve(new Response(null, { status: 503 }));
  const open = Promise.withResolvers<Response>();
  await using peer = startHttpPeer(() => answer());
  const spec = withListener({ type: "http", url: peer.origin, expectCode: 200, expectJson: null });
  const states = async (tree: ReadonlySet<number>) => (await checkOnce(spec, targetOf(tree), 100)).detail;
  assert.equal(await states(us), "503, loading");
  assert.match(await states(others), /^port \d+ is held by /);
  answer = () => open.promise;
  assert.equal(await states(us), "no answer within 100 ms");
  assert.match(await states(others), /^port \d+ is held by /);
  open.resolve(new Response());
});

Deno.test("nobody is asked whose port it is while nobody answers there", async () => {
  const target = targetOf(us);
  const result = await checkOnce(withListener({ type: "tcp", host, port: freePort() }), target);
  assert.deepEqual(result, { state: "waiting", detail: "connection refused", unheard: true });
  assert.equal(target.treeAsked, 0);
});

Deno.test("a proven owner is believed only as long as it is in the tree", async () => {
  await using peer = silentPeer();
  const target = targetOf(us);
  using probe = probeOf(withListener({ type: "tcp", host, port: peer.port }), target);
  const state = async () => (await probe.check({ signal: never, timeoutMs: 5000 })).state;
  assert.deepEqual([await state(), await state()], ["ready", "ready"]);
  target.tree = others;
  assert.equal(await state(), "wrong");
  target.tree = us;
  assert.equal(await state(), "ready");
});
