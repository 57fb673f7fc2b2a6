import assert from "node:assert/strict";
import fc from "fast-check";
import { nextPause } from "../../../lib/probes/pace.ts";

const unheard = (waitedMs: number, maxMs: number, expectedMs?: number | null) =>
  nextPause({ waitedMs, heardMs: null, maxMs, expectedMs }).usualMs;
const heard = (waitedMs: number, heardMs: number, maxMs: number, expectedMs?: number | null) =>
  nextPause({ waitedMs, heardMs, maxMs, expectedMs }).usualMs;

Deno.test("nextPause() starts at 2 ms, widens with the time waited, and ends at the slowest pace", () => {
  assert.equal(unheard(0, 250), 2);
  assert.equal(unheard(200, 250), 2);
  assert.equal(unheard(900, 250), 9);
  assert.equal(unheard(10_000, 250), 100);
  assert.equal(unheard(60_000, 250), 250);
  assert.equal(unheard(60_000, 1), 2);
});

Deno.test("nextPause() is dense around the moment that history predicts", () => {
  assert.equal(unheard(9_500, 250, 10_000), 5);
  assert.equal(unheard(10_900, 250, 10_000), 5);
  assert.equal(unheard(11_100, 250, 10_000), 111);
  // 50 ms before the stretch begins, the pause ends with it.
  assert.equal(unheard(8_950, 250, 10_000), 50);
  assert.equal(unheard(5_000, 250, 10_000), 50);
});

Deno.test("P1: nextPause() doubles once it is heard, and is a little denser around the predicted moment", () => {
  assert.deepEqual([0, 5, 10, 160, 900].map((ms) => heard(5000 + ms, ms, 250)), [5, 5, 10, 160, 250]);
  assert.equal(heard(9_500, 9_000, 250, 10_000), 50);
  assert.equal(heard(8_950, 8_000, 250, 10_000), 50);
  assert.equal(heard(11_100, 9_000, 250, 10_000), 250);
  assert.equal(heard(2_000, 1_000, 2), 2);
  const { leastMs } = nextPause({ waitedMs: 2_000, heardMs: 1_000, maxMs: 250 });
  assert.equal(leastMs, 100);
});

Deno.test("nextPause() stays between 2 ms and the slowest pace, and a whole wait is a bounded number of checks", () => {
  const time = fc.double({ min: 0, max: 600_000, noNaN: true });
  const expected = fc.option(fc.double({ min: -10, max: 600_000, noNaN: true }));
  const heardMs = fc.option(time);
  fc.assert(
    fc.property(
      time,
      heardMs,
      fc.integer({ min: 1, max: 5000 }),
      expected,
      (waitedMs, heardMs, maxMs, when) => {
        const { usualMs } = nextPause({ waitedMs, heardMs, maxMs, expectedMs: when });
        assert.ok(usualMs >= 2 && usualMs <= Math.max(2, maxMs), `${usualMs}`);
      },
    ),
  );
  fc.assert(fc.property(fc.integer({ min: 100, max: 120_000 }), fc.boolean(), (when, isHeard) => {
    let checks = 0;
    const end = 1.3 * when;
    for (let t = 0; t < end; t += isHeard ? heard(t, t, 250, when) : unheard(t, 250, when)) checks++;
    assert.ok(checks < (isHeard ? 60 + end / 250 : 1500), `${checks}`);
  }));
});
