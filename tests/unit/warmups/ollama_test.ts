import assert from "node:assert/strict";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { startOllamaPeer } from "../../support/peers/ollama_peer.ts";
import { freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { common, warm } from "./support.ts";

const ollama = (url: string, model: string | null = "llama3", numCtx: number | null = 1024) => ({
  ...common,
  kind: "ollama" as const,
  url,
  model,
  tokens: 1,
  numCtx,
});

const gib = 1 << 30;

Deno.test("ollama warm-up asks for one token, for good, with production's context", async () => {
  await using peer = startOllamaPeer({ models: ["llama3:latest"], size: 2 * gib, sizeVram: 2 * gib });
  const result = await warm(ollama(peer.origin));
  assert.equal(result.state, "warmed");
  assert.equal(result.detail, "1 token, 2048 MiB on the GPU");
  const { model, prompt, stream, keep_alive, options } = peer.generated[0]!;
  assert.deepEqual([model, stream, keep_alive, options], ["llama3", false, -1, {
    num_predict: 1,
    num_ctx: 1024,
  }]);
  assert.ok(typeof prompt === "string" && prompt !== "");
  await warm(ollama(peer.origin, "llama3", null));
  assert.deepEqual(peer.generated[1]!.options, { num_predict: 1 });
});

Deno.test("ollama warm-up says where the model lies", async () => {
  const detail = async (options: Parameters<typeof startOllamaPeer>[0]) => {
    await using peer = startOllamaPeer(options);
    return (await warm(ollama(peer.origin))).detail;
  };
  const models = ["llama3:latest"];
  assert.equal(
    await detail({ models, size: 2 * gib, sizeVram: gib }),
    "1 token, 1024 of 2048 MiB on the GPU",
  );
  assert.equal(await detail({ models, size: 2 * gib }), "1 token, 2048 MiB in main memory, none on the GPU");
  assert.equal(await detail({ models, unloads: true }), "1 token, but it is not in memory any more");
});

Deno.test("ollama warm-up is not offered without a model, without a server, or by another server", async () => {
  await using other = startHttpPeer(() => new Response("404 page not found", { status: 404 }));
  const nothing = `http://127.0.0.1:${freePort()}`;
  const states = [];
  for (const spec of [ollama(other.origin, null), ollama(nothing), ollama(other.origin)]) {
    const result = await warm(spec);
    assert.ok(result.state === "not_offered" && result.hint.length > 0);
    states.push(result.detail);
  }
  assert.deepEqual(states, [
    "no model is configured, so there is nothing to load",
    `nothing listens on ${nothing} (connection refused)`,
    "POST /api/generate was answered with 404",
  ]);
  assert.equal(other.asked.length, 1);
});

Deno.test("ollama warm-up fails when Ollama does not have the model, or cannot run it", async () => {
  await using peer = startOllamaPeer({ models: [] });
  assert.deepEqual(await warm(ollama(peer.origin)), {
    state: "failed",
    detail: "Ollama: model 'llama3' not found (`ollama pull llama3`)",
  });
  await using broken = startHttpPeer(() => Response.json({ error: "llama runner exited" }, { status: 500 }));
  const result = await warm(ollama(broken.origin));
  assert.deepEqual([result.state, result.detail], [
    "failed",
    `POST /api/generate was answered with 500: {"error":"llama runner exited"}`,
  ]);
  await using silent = silentPeer();
  assert.deepEqual(await warm({ ...ollama(`http://127.0.0.1:${silent.port}`), timeoutMs: 90 }), {
    state: "failed",
    detail: "timed out after 90 ms",
  });
});

Deno.test("ollama warm-up stands without residency", async () => {
  await using peer = startHttpPeer(({ path }) =>
    path === "/api/generate"
      ? Response.json({ response: "Hi", done: true })
      : new Response("", { status: 500 })
  );
  const result = await warm(ollama(peer.origin));
  assert.deepEqual([result.state, result.detail], ["warmed", "1 token, residency unknown"]);
});
