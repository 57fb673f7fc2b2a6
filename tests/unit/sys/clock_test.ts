import assert from "node:assert/strict";
import { deadline, isAbort, systemClock } from "../../../lib/sys/clock.ts";
import { FakeClock } from "../../support/fake_clock.ts";

Deno.test("systemClock.sleep() waits, and ends at once with the signal's reason", async () => {
  const began = systemClock.now();
  await systemClock.sleep(20);
  assert.ok(systemClock.now() - began >= 19);
  const abort = new AbortController();
  const reason = new Error("stop");
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort(reason);
  await assert.rejects(() => sleeping, reason);
  await assert.rejects(() => systemClock.sleep(60_000, abort.signal), reason);
});

Deno.test("systemClock.after() calls once, unless it is disposed of before", async () => {
  let calls = 0;
  const timer = systemClock.after(1, () => calls++);
  systemClock.after(60_000, () => calls++)[Symbol.dispose]();
  await systemClock.sleep(20);
  assert.equal(calls, 1);
  timer[Symbol.dispose]();
});

Deno.test("deadline() fires with a TimeoutError, or with its parent's reason, and leaves no timer", async () => {
  const clock = new FakeClock();
  {
    using limit = deadline(clock, 100);
    await clock.advance(99);
    assert.equal(limit.signal.aborted, false);
    await clock.advance(1);
    assert.equal(limit.signal.reason.name, "TimeoutError");
    assert.ok(isAbort(limit.signal.reason));
  }
  const parent = new AbortController();
  {
    using limit = deadline(clock, 100, parent.signal);
    const reason = new Error("stop");
    parent.abort(reason);
    assert.equal(limit.signal.reason, reason);
    assert.ok(isAbort(reason, limit.signal) && !isAbort(reason));
  }
  {
    using limit = deadline(clock, 100, parent.signal);
    assert.equal(limit.signal.aborted, true, "a parent that is over already");
  }
  assert.equal(clock.pending, 0);
});
