import assert from "node:assert/strict";
import fc from "fast-check";
import { startInOrder } from "../../../lib/supervise/sequence.ts";

/** Units that end their start as told and write down what happens; each takes a few turns of the event loop. */
function rehearse(ups: boolean[], stopAfter = Infinity, lookahead = 0) {
  const acts: string[] = [];
  const abort = new AbortController();
  const supervisors = ups.map((up, i) => ({
    name: `s${i}`,
    async start() {
      acts.push(`start s${i}`);
      if (i >= stopAfter) abort.abort();
      for (let n = 0; n < 3; n++) await Promise.resolve();
      acts.push(`${up ? "up" : "failed"} s${i}`);
      return up;
    },
  }));
  const done = startInOrder(supervisors, {
    signal: abort.signal,
    lookahead,
    prepare: (next, current) => acts.push(`prepare ${next.name} beside ${current.name}`),
    stage: async (supervisor) => {
      await Promise.resolve();
      acts.push(`stage ${supervisor.name}`);
    },
    onGate: (passed) => acts.push(`gate ${passed.name} passed`),
  });
  return { acts, done };
}

Deno.test("startInOrder() starts each service only after the one before is over, whatever fails", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 8 }), async (ups) => {
      const { acts, done } = rehearse(ups);
      assert.deepEqual(await done, ups.flatMap((up, i) => up ? [] : [`s${i}`]));
      const wanted = ups.flatMap((up, i) => [
        `start s${i}`,
        ...(i > 0 ? [`gate s${i - 1} passed`] : []),
        `${up ? "up" : "failed"} s${i}`,
        `stage s${i}`,
      ]);
      assert.deepEqual(acts, wanted);
    }),
  );
});

Deno.test("startInOrder() starts nothing more after a stop, and calls nobody failed for it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
      fc.nat({ max: 7 }),
      async (ups, n) => {
        const at = Math.min(n, ups.length - 1);
        const { acts, done } = rehearse(ups, at);
        assert.deepEqual(await done, ups.slice(0, at).flatMap((up, i) => up ? [] : [`s${i}`]));
        assert.equal(acts.filter((act) => act.startsWith("start")).length, at + 1);
        assert.ok(!acts.includes(`stage s${at}`));
      },
    ),
  );
});

Deno.test("startInOrder() prepares as many ahead as it may, never before the service they run beside", async () => {
  const one = rehearse([true, true, true], Infinity, 1);
  await one.done;
  assert.deepEqual(one.acts.filter((act) => act.startsWith("prepare") || act.startsWith("start")), [
    "start s0",
    "prepare s1 beside s0",
    "start s1",
    "prepare s2 beside s1",
    "start s2",
  ]);
  const all = rehearse([true, true, true], Infinity, 3);
  await all.done;
  assert.deepEqual(all.acts.filter((act) => act.startsWith("prepare")).slice(0, 2), [
    "prepare s1 beside s0",
    "prepare s2 beside s0",
  ]);
});
