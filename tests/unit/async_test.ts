import assert from "node:assert/strict";
import { orAbort } from "../../lib/async.ts";

Deno.test("orAbort() passes on what the promise comes to, and lets go of the signal", async () => {
  const { signal } = new AbortController();
  assert.equal(await orAbort(Promise.resolve(7), signal), 7);
  await assert.rejects(orAbort(Promise.reject(new Error("no")), signal), /^Error: no$/);
});

Deno.test("orAbort() rejects with the signal's reason, before and while it waits", async () => {
  const over = new AbortController();
  const waits = orAbort(new Promise(() => {}), over.signal);
  over.abort(new Error("stop"));
  await assert.rejects(waits, /^Error: stop$/);
  await assert.rejects(orAbort(Promise.resolve(1), over.signal), /^Error: stop$/);
});
