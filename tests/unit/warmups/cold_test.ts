import assert from "node:assert/strict";
import { coldCheck } from "../../../lib/warmups/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { startOllamaPeer } from "../../support/peers/ollama_peer.ts";
import { freePort } from "../../support/peers/tcp_peer.ts";
import { common, warm } from "./support.ts";

const options = () => ({ clock: systemClock, signal: new AbortController().signal, timeoutMs: 2000 });

Deno.test("P11: coldCheck() finds a model that Ollama has unloaded", async () => {
  await using peer = startOllamaPeer({ models: ["llama3:latest"] });
  const spec = {
    ...common,
    kind: "ollama" as const,
    url: peer.origin,
    model: "llama3",
    tokens: 1,
    numCtx: null,
  };
  const ask = coldCheck(spec)!;
  await warm(spec);
  assert.equal(await ask(options()), null);
  peer.unload();
  assert.equal(await ask(options()), "Ollama has unloaded llama3");
  await warm(spec);
  assert.equal(await ask(options()), null);
  assert.equal(coldCheck({ ...spec, model: null }), null);
  const away = coldCheck({ ...spec, url: `http://127.0.0.1:${freePort()}` })!;
  assert.equal(await away(options()), null, "that it is away is for its health check to say");
});

Deno.test("coldCheck() finds a model that somebody had loaded anew, with another context or less of it on the GPU", async () => {
  await using peer = startOllamaPeer({
    models: ["llama3:latest"],
    size: 1000,
    sizeVram: 1000,
    tellsContext: true,
  });
  const spec = (numCtx: number | null) => ({
    ...common,
    kind: "ollama" as const,
    url: peer.origin,
    model: "llama3",
    tokens: 1,
    numCtx,
  });
  const ask = coldCheck(spec(1024))!;
  await warm(spec(1024));
  assert.equal(await ask(options()), null);
  peer.reload(8192);
  const why = "Somebody has made Ollama load llama3 with a context of 8192 tokens instead of 1024";
  assert.equal(await ask(options()), why);
  assert.equal(await ask(options()), why, "until it is warmed again");
  await warm(spec(1024));
  assert.equal(await ask(options()), null);
  peer.reload(1024, 400);
  assert.equal(
    await ask(options()),
    "Ollama has loaded llama3 anew with 40 % of it on the GPU, it was 100 %",
  );
  assert.equal(await ask(options()), null, "told once");

  const askAny = coldCheck(spec(null))!;
  assert.equal(await askAny(options()), null);
  peer.reload(2048);
  assert.equal(await askAny(options()), null, "who asks for no context takes any");
});

Deno.test("coldCheck() finds a model that a Speaches has unloaded, and asks others once", async () => {
  let loaded = ["tiny"];
  await using speaches = startHttpPeer(({ path }) =>
    path === "/api/ps" ? Response.json({ models: loaded }) : new Response("no", { status: 404 })
  );
  const spec = (url: string) => ({
    ...common,
    kind: "openai" as const,
    url,
    model: "tiny",
    api: "transcriptions" as const,
    audio: "speech" as const,
    audioMs: 300,
  });
  const ask = coldCheck(spec(`${speaches.origin}/v1`))!;
  assert.equal(await ask(options()), null);
  loaded = [];
  assert.equal(await ask(options()), "The server has unloaded tiny");

  await using other = startHttpPeer(() => new Response("no", { status: 404 }));
  const askOther = coldCheck(spec(other.origin))!;
  for (let i = 0; i < 3; i++) assert.equal(await askOther(options()), null);
  assert.deepEqual(other.asked.map(({ path }) => path), ["/api/ps"]);
});

Deno.test("P11: coldCheck() finds a llama-server that sleeps, and asks others once", async () => {
  let sleeping = false;
  await using llama = startHttpPeer(({ path }) =>
    path === "/props" ? Response.json({ is_sleeping: sleeping }) : new Response("no", { status: 404 })
  );
  const spec = (url: string) => ({
    ...common,
    kind: "openai" as const,
    url,
    model: null,
    api: "completions" as const,
    tokens: 1,
  });
  const ask = coldCheck(spec(`${llama.origin}/v1`))!;
  assert.equal(await ask(options()), null);
  sleeping = true;
  assert.equal(await ask(options()), "The server sleeps, its model unloaded");
  sleeping = false;
  assert.equal(await ask(options()), null);

  await using other = startHttpPeer(() => new Response("no", { status: 404 }));
  const askOther = coldCheck(spec(other.origin))!;
  for (let i = 0; i < 3; i++) assert.equal(await askOther(options()), null);
  assert.deepEqual(other.asked.map(({ path }) => path), ["/props"]);
});
