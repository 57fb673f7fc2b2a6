import assert from "node:assert/strict";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { closingPeer, freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { common, warm } from "./support.ts";

const http = (origin: string, path = "/control/speak") => ({
  ...common,
  kind: "http" as const,
  url: origin + path,
  body: { text: "Ready.", play: false },
  verb: true,
});

Deno.test("http warm-up posts its body once per run", async () => {
  await using peer = startHttpPeer(() => Response.json({ ms: 12 }));
  const result = await warm({ ...http(peer.origin), runs: 3 });
  assert.equal(result.state, "warmed");
  assert.ok(result.state === "warmed" && result.ms > 0);
  assert.deepEqual(
    peer.asked.map(({ method, path, body }) => [method, path, JSON.parse(body)]),
    Array(3).fill(["POST", "/control/speak", { text: "Ready.", play: false }]),
  );
  assert.equal(peer.asked[0]!.headers.get("content-type"), "application/json");
});

for (const status of [404, 405, 501]) {
  Deno.test(`http warm-up is not offered at ${status}, and says how to offer it`, async () => {
    await using peer = startHttpPeer(() => new Response("no", { status }));
    const result = await warm({ ...http(peer.origin), runs: 3 });
    assert.deepEqual(result, {
      state: "not_offered",
      detail: `POST /control/speak was answered with ${status}`,
      hint: "choose one with `warmup: { kind: http | wyoming | ollama | openai | exec }`, " +
        "or, if the service is your own, answer POST /control/speak after one real inference",
    });
    assert.equal(peer.asked.length, 1);
  });
}

Deno.test("P15: http warm-up takes a page that answers whatever is asked for no inference", async () => {
  const page = () => new Response("<html>Welcome</html>", { headers: { "content-type": "text/html" } });
  await using catchAll = startHttpPeer(page);
  const result = await warm(http(catchAll.origin));
  assert.deepEqual(
    [result.state, result.detail],
    ["not_offered", "POST /control/speak was answered with 200 and no JSON"],
  );
  const configured = { ...http(catchAll.origin, "/warm"), verb: false };
  assert.equal((await warm(configured)).state, "warmed", "a person said what warms it");
});

Deno.test("http warm-up fails with the status and the first words of the body", async () => {
  await using peer = startHttpPeer(() =>
    new Response(`CUDA\nout of memory ${"x".repeat(5000)}`, { status: 500 })
  );
  const result = await warm(http(peer.origin));
  assert.equal(result.state, "failed");
  assert.match(result.detail!, /^POST \/control\/speak was answered with 500: CUDA out of memory x+$/);
  assert.ok(result.detail!.length < 260);
});

Deno.test("http warm-up takes no redirection for a warm service", async () => {
  for (const status of [301, 302, 307]) {
    await using peer = startHttpPeer(() => new Response(null, { status, headers: { location: "/login" } }));
    const result = await warm(http(peer.origin));
    assert.deepEqual(result, {
      state: "failed",
      detail: `POST /control/speak was answered with ${status}`,
    });
    assert.equal(peer.asked.length, 1, "it is not followed");
  }
});

Deno.test("http warm-up fails in time against a server that says nothing", async () => {
  await using silent = silentPeer();
  const result = await warm({ ...http(`http://127.0.0.1:${silent.port}`), timeoutMs: 120, runs: 5 });
  assert.deepEqual(result, { state: "failed", detail: "timed out after 120 ms" });
});

Deno.test("http warm-up says what broke the connection", async () => {
  await using closing = closingPeer();
  const refused = `http://127.0.0.1:${freePort()}`;
  assert.deepEqual(await warm(http(refused)), {
    state: "failed",
    detail: `${refused}/control/speak: connection refused`,
  });
  assert.equal((await warm(http(`http://127.0.0.1:${closing.port}`))).state, "failed");
});

Deno.test("runWarmup() rejects with the caller's reason only", async () => {
  await using silent = silentPeer();
  const caller = new AbortController();
  const warming = warm(http(`http://127.0.0.1:${silent.port}`), caller.signal);
  caller.abort(new Error("the child died"));
  await assert.rejects(warming, /^Error: the child died$/);
});

Deno.test("runWarmup() with none asks for nothing, and warns only where it should", async () => {
  const none = { ...common, kind: "none" as const, why: "llm has no warm-up over gRPC" };
  assert.deepEqual(await warm({ ...none, warn: false }), { state: "warmed", ms: 0, detail: none.why });
  const warned = await warm({ ...none, warn: true });
  assert.deepEqual([warned.state, warned.detail], ["not_offered", none.why]);
});
