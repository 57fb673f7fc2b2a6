import assert from "node:assert/strict";
import { listenForFinish } from "../../../lib/voice/finish_listener.ts";

async function post(url: string, body: string, method = "POST"): Promise<number> {
  const answer = await fetch(url, { method, body: method === "GET" ? null : body });
  await answer.body?.cancel();
  return answer.status;
}

Deno.test("listenForFinish() resolves with the first event of its tag at its own address", async () => {
  const ignored: string[] = [];
  await using listener = listenForFinish("boot_greeting", "secret", (why) => ignored.push(why));
  assert.match(listener.url, /^http:\/\/127\.0\.0\.1:\d+\/finished\/secret$/);
  const { origin } = new URL(listener.url);
  assert.equal(await post(listener.url, "", "GET"), 404);
  assert.equal(await post(`${origin}/finished/`, "{}"), 404);
  assert.equal(await post(`${origin}/finished/other`, '{"tag":"boot_greeting"}'), 404);
  assert.equal(await post(listener.url, "no JSON"), 400);
  assert.equal(await post(listener.url, "null"), 400);
  assert.equal(await post(listener.url, '{"tag":"x"}'), 409);
  assert.equal(
    await post(listener.url, JSON.stringify({ tag: "boot_greeting", ok: true, spoken_ms: 940 })),
    200,
  );
  assert.equal(await post(listener.url, JSON.stringify({ tag: "boot_greeting", ok: false })), 200);
  assert.deepEqual(await listener.finished, { ok: true, spokenMs: 940, detail: "" });
  assert.deepEqual(ignored, [
    "finish event at a wrong address (an older boot's?)",
    "finish event at a wrong address (an older boot's?)",
    "finish event at a wrong address (an older boot's?)",
    'finish event of tag "x"',
    "double finish event",
  ]);
});

Deno.test("listenForFinish() takes ok: false as a failure, and odd figures as unknown", async () => {
  await using failed = listenForFinish("t", "a", () => {});
  await post(failed.url, '{"tag":"t","ok":false,"spoken_ms":"long"}');
  assert.deepEqual(await failed.finished, {
    ok: false,
    spokenMs: null,
    detail: "TTS told that it could not speak",
  });
});

Deno.test("listenForFinish() refuses an event that is too large, announced or not", async () => {
  await using listener = listenForFinish("t", "a", () => {});
  const large = JSON.stringify({ tag: "t", pad: "x".repeat(10_000) });
  assert.equal(await post(listener.url, large), 400);
  const stream = new Blob([large]).stream(); // chunked: no content-length
  const answer = await fetch(listener.url, { method: "POST", body: stream });
  await answer.body?.cancel();
  assert.equal(answer.status, 400);
  assert.equal(await post(listener.url, '{"tag":"t"}'), 200);
  assert.equal((await listener.finished).ok, true);
});

Deno.test("listenForFinish() is closed when it is disposed", async () => {
  const listener = listenForFinish("t", "a", () => {});
  await listener[Symbol.asyncDispose]();
  await assert.rejects(() => post(listener.url, "{}"));
});
