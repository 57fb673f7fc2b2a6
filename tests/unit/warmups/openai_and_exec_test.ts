import assert from "node:assert/strict";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { audioClip } from "../../../lib/warmups/mod.ts";
import { common, warm } from "./support.ts";

const openai = (url: string, api: "completions" | "speech", model: string | null = "tiny") => ({
  ...common,
  kind: "openai" as const,
  url,
  api,
  model,
  tokens: 2,
  voice: null,
});

Deno.test("openai warm-up asks for a completion of a few tokens", async () => {
  await using peer = startHttpPeer(() => Response.json({ choices: [{ text: "Hello" }] }));
  for (const url of [peer.origin, `${peer.origin}/v1/`]) {
    const result = await warm(openai(url, "completions"));
    assert.deepEqual([result.state, result.detail], ["warmed", "2 tokens"]);
  }
  for (const { method, path, body } of peer.asked) {
    assert.deepEqual([method, path], ["POST", "/v1/completions"]);
    const { model, max_tokens, stream } = JSON.parse(body);
    assert.deepEqual([model, max_tokens, stream], ["tiny", 2, false]);
  }
});

Deno.test("openai warm-up names the server's first model when none is configured", async () => {
  await using listing = startHttpPeer(({ path }) =>
    Response.json(path === "/v1/models" ? { data: [{ id: "first" }, { id: "second" }] } : {})
  );
  await warm(openai(listing.origin, "completions", null));
  assert.equal(JSON.parse(listing.asked[1].body).model, "first");
  await using bare = startHttpPeer(({ path }) =>
    path === "/v1/models" ? new Response("", { status: 404 }) : Response.json({})
  );
  assert.equal((await warm(openai(bare.origin, "completions", null))).state, "warmed");
  assert.equal("model" in JSON.parse(bare.asked[1].body), false);
});

Deno.test("openai warm-up reads speech to its end", async () => {
  await using peer = startHttpPeer(() => new Response(new Uint8Array(200_000)));
  const result = await warm({ ...openai(peer.origin, "speech"), voice: "af_sky" });
  assert.deepEqual([result.state, result.detail], ["warmed", "200000 bytes of audio"]);
  const [{ path, body }] = peer.asked;
  assert.equal(path, "/v1/audio/speech");
  const { voice, model, input } = JSON.parse(body);
  assert.deepEqual([voice, model], ["af_sky", "tiny"]);
  assert.ok(input.length > 0);
});

Deno.test("openai warm-up is not offered at 404 and 501, and fails at 400 and 500", async () => {
  for (
    const [status, state] of [[404, "not_offered"], [501, "not_offered"], [400, "failed"], [500, "failed"]]
  ) {
    await using peer = startHttpPeer(() => new Response("", { status: status as number }));
    assert.equal((await warm(openai(peer.origin, "completions"))).state, state);
    assert.equal((await warm(openai(peer.origin, "speech"))).state, state);
  }
});

Deno.test("exec warm-up goes by the exit code", async () => {
  const exec = (...cmd: string[]) => warm({ ...common, kind: "exec", cmd, timeoutMs: 5000 });
  const ran = await exec("sh", "-c", "exit 0");
  assert.ok(ran.state === "warmed" && ran.ms > 0);
  assert.deepEqual(await exec("sh", "-c", "echo no model >&2; exit 4"), {
    state: "failed",
    detail: "sh ended with exit 4: no model",
  });
  assert.match((await exec("/nonexistent/warm")).detail!, /^\/nonexistent\/warm cannot be run/);
  assert.deepEqual(await warm({ ...common, kind: "exec", cmd: ["sleep", "30"], timeoutMs: 100 }), {
    state: "failed",
    detail: "timed out after 100 ms",
  });
});

Deno.test("audioClip() makes the same loud speech every time, and true silence", () => {
  const speech = audioClip("speech", 300);
  assert.equal(speech.length, 9600);
  assert.deepEqual(speech, audioClip("speech", 300));
  const samples = new Int16Array(speech.buffer);
  const loudest = Math.max(...samples.map(Math.abs));
  assert.ok(loudest > 8000 && loudest < 32_000, `${loudest}`);
  // Loud all along, as speech is: every 50 ms.
  for (let at = 800; at < samples.length; at += 800) {
    assert.ok(samples.subarray(at, at + 800).some((value) => Math.abs(value) > 1000));
  }
  assert.ok(audioClip("silence", 300).every((byte) => byte === 0));
  assert.equal(audioClip("speech", 0).length, 0);
});
