import assert from "node:assert/strict";
import { ollamaModels, ollamaResident, ollamaVersion, sameModel } from "../../../lib/protocols/ollama.ts";
import { openaiModels } from "../../../lib/protocols/openai.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";

const options = { signal: new AbortController().signal, timeoutMs: 5000 };

Deno.test("sameModel() adds the tag that was left out, and no other", () => {
  assert.ok(sameModel("llama3", "llama3:latest"));
  assert.ok(sameModel("llama3:latest", "llama3"));
  assert.ok(sameModel("llama3:8b", "llama3:8b"));
  assert.ok(!sameModel("llama3", "llama3:8b"));
  assert.ok(!sameModel("llama3", "llama3.1:latest"));
  assert.ok(sameModel("hf.co:443/me/model", "hf.co:443/me/model:latest"));
});

for (
  const [what, body] of [
    ["HTML", "<html>"],
    ["null", "null"],
    ["an array", "[]"],
    ["numbers", `{"version": 7, "models": 7, "data": 7}`],
    ["lists of nonsense", `{"version": null, "models": [null, 7, {"name": 7}], "data": [null]}`],
  ]
) {
  Deno.test(`ollamaVersion(), ollamaModels(), ollamaResident() and openaiModels() survive ${what}`, async () => {
    await using peer = startHttpPeer(() => new Response(body));
    assert.equal(await ollamaVersion(peer.origin, options), null);
    assert.ok([null, 0].includes((await ollamaModels(peer.origin, options))?.length ?? null));
    assert.ok([null, 0].includes((await ollamaResident(peer.origin, options))?.length ?? null));
    assert.ok([null, 0].includes((await openaiModels(peer.origin, options))?.length ?? null));
  });
}

Deno.test("ollamaModels() reads the list of a server without models", async () => {
  await using peer = startHttpPeer(() => Response.json({ models: null }));
  assert.deepEqual(await ollamaModels(`${peer.origin}/`, options), []);
  assert.equal(peer.asked[0]!.path, "/api/tags");
});
