import assert from "node:assert/strict";
import fc from "fast-check";
import { ExtendableDeadline } from "../../../lib/run/deadline.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("ExtendableDeadline expires once, never before its limit, never after ten times of it", async () => {
  const moves = fc.array(fc.record({ wait: fc.nat({ max: 400 }), ms: fc.nat({ max: 20_000 }) }), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), moves, async (limitMs, sequence) => {
      const clock = new FakeClock();
      const expired: number[] = [];
      {
        using limit = new ExtendableDeadline(clock, limitMs);
        limit.onExpired(() => expired.push(clock.now()));
        let end = limitMs;
        for (const { wait, ms } of sequence) {
          await clock.advance(wait);
          if (expired.length > 0) break;
          end = Math.max(end, Math.min(clock.now() + ms, limitMs * 10));
          limit.extend(ms);
          assert.equal(limit.limitMs, end);
        }
        await clock.advance(limitMs * 10);
        assert.deepEqual(expired, [end]);
      }
      assert.equal(clock.pending, 0);
    }),
    { numRuns: 40 },
  );
});

Deno.test("ExtendableDeadline never expires after its disposal", async () => {
  const clock = new FakeClock();
  const limit = new ExtendableDeadline(clock, 100);
  limit.onExpired(() => assert.fail("expired"));
  limit.extend(500);
  limit[Symbol.dispose]();
  await clock.advance(10_000);
  assert.equal(clock.pending, 0);
});
