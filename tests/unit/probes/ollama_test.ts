import assert from "node:assert/strict";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { startOllamaPeer } from "../../support/peers/ollama_peer.ts";
import { freePort, silentPeer } from "../../support/peers/tcp_peer.ts";
import { checkOnce } from "./support.ts";

const ollama = (url: string, model: string | null) => ({ type: "ollama" as const, url, model });

Deno.test("ollama probe is ready when the model is in the list", async () => {
  await using peer = startOllamaPeer({ models: ["llama3:latest", "qwen3:4b"] });
  const state = async (model: string | null) => (await checkOnce(ollama(peer.origin, model))).state;
  assert.equal(await state(null), "ready");
  assert.equal(await state("llama3"), "ready");
  assert.equal(await state("qwen3:4b"), "ready");
  assert.equal(await state("qwen3"), "wrong");
  assert.deepEqual(await checkOnce(ollama(peer.origin, "phi4")), {
    state: "wrong",
    detail: "Ollama 0.11.4 has no model phi4 (`ollama pull phi4`); there is llama3:latest, qwen3:4b",
  });
});

Deno.test("ollama probe tells what is no Ollama, is not there, or is silent", async () => {
  await using other = startHttpPeer(() => new Response("hello"));
  await using silent = silentPeer();
  assert.deepEqual(await checkOnce(ollama(other.origin, null)), {
    state: "wrong",
    detail: "what answers there is not Ollama",
  });
  assert.equal(
    (await checkOnce(ollama(`http://127.0.0.1:${freePort()}`, null))).detail,
    "connection refused",
  );
  assert.equal(
    (await checkOnce(ollama(`http://127.0.0.1:${silent.port}`, null), undefined, 60)).state,
    "timeout",
  );
});
