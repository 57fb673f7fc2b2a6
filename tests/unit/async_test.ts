import assert from "node:assert/strict";
import { orAbort, shared } from "../../lib/async.ts";

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

Deno.test("shared() works once for all who ask meanwhile, and anew for who comes later, also after a failure", async () => {
  let made = 0;
  const gates = [
    Promise.withResolvers<number>(),
    Promise.withResolvers<number>(),
    Promise.withResolvers<number>(),
  ];
  const ask = shared(() => gates[made++]!.promise);
  const both = Promise.all([ask(), ask()]);
  gates[0]!.resolve(7);
  assert.deepEqual([await both, made], [[7, 7], 1]);
  const third = ask();
  gates[1]!.reject(new Error("no"));
  await assert.rejects(third, /no/);
  gates[2]!.resolve(9);
  assert.deepEqual([await ask(), made], [9, 3]);
});
