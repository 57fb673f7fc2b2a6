/** Parts of a turn sum to the whole, and chance alone is never told as slow. Spec: §13. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parseTurn } from "../../lib/metrics/turns.ts";
import { TurnTrend } from "../../lib/metrics/turn_trend.ts";
import { partsOf, type TurnRecord, turnStages } from "../../lib/model/turn.ts";

const time = fc.option(fc.integer({ min: 0, max: 60_000 }));

Deno.test("partsOf() sums to the whole, whatever is missing and in whatever order", () => {
  const marks = fc.record({
    end_of_speech: time,
    text: time,
    first_token: time,
    first_audio: time,
    end: fc.integer({ min: 0, max: 60_000 }),
  });
  fc.assert(
    fc.property(marks, (ms) => {
      const parts = partsOf({ outcome: "answered", ms });
      const sum = turnStages.reduce((all, stage) => all + (parts[stage] ?? 0), 0);
      assert.equal(sum, ms.end);
      for (const stage of turnStages) {
        assert.equal(parts[stage] === null, ms[stage] === null);
        assert.ok((parts[stage] ?? 0) >= 0);
      }
    }),
    { numRuns: 5000 },
  );
});

Deno.test("TurnTrend never takes chance for a trend: 1,000 turns each", () => {
  const seeds = fc.record({ seed: fc.integer(), tail: fc.double({ min: 0.05, max: 1.5, noNaN: true }) });
  fc.assert(
    fc.property(seeds, ({ seed, tail }) => {
      const trend = new TurnTrend();
      let state = seed >>> 0;
      const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
      // Long tails, as real latencies have.
      const part = (median: number) => median * Math.exp(tail * (random() + random() + random() - 1.5));
      for (let n = 0; n < 1000; n++) {
        let at = 0;
        const reach = (median: number) => Math.round(at += part(median));
        const ms = {
          end_of_speech: reach(1500),
          text: reach(600),
          first_token: reach(200),
          first_audio: reach(300),
          end: reach(2000),
        };
        const turn: TurnRecord = {
          format: 1,
          at: new Date(n * 1000).toISOString(),
          boot: "b",
          service: "kwd",
          outcome: "answered",
          ms,
        };
        trend.add(turn);
        assert.deepEqual(trend.slow, [], `turn ${n}`);
      }
    }),
    { numRuns: 12 },
  );
});

Deno.test("parseTurn() survives any value", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    const turn = parseTurn(text);
    assert.ok(turn === null || turn.ms.end >= 0);
  }));
});
