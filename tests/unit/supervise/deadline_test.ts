import assert from "node:assert/strict";
import fc from "fast-check";
import { ExtendableDeadline } from "../../../lib/supervise/deadline.ts";
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

Deno.test("ExtendableDeadline gives progress a quarter of its limit more, up to what is allowed for that", async () => {
  const clock = new FakeClock();
  const expired: number[] = [];
  using limit = new ExtendableDeadline(clock, 1000, 1500);
  limit.onExpired(() => expired.push(clock.now()));
  limit.progress();
  assert.equal(limit.limitMs, 1000, "early progress moves nothing");
  await clock.advance(900);
  limit.progress();
  assert.equal(limit.limitMs, 1150);
  for (let i = 0; i < 6; i++) {
    await clock.advance(95);
    limit.progress();
  }
  assert.equal(limit.limitMs, 1500);
  await clock.advance(1000);
  assert.deepEqual(expired, [1500]);

  using strict = new ExtendableDeadline(clock, 1000);
  await clock.advance(900);
  strict.progress();
  assert.equal(strict.limitMs, 1000, "a limit that a person set is not moved by mere output");
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
