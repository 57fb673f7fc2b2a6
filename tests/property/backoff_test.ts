/** The figures of the restart policy. Spec: §6. */
import type { Fault } from "../../lib/model/states.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import type { RestartPolicy } from "../../lib/model/plan.ts";
import { backoffMs, judge } from "../../lib/supervise/service_machine.ts";

const specification: RestartPolicy = {
  type: "on-failure",
  maxRestarts: 3,
  windowMs: 600_000,
  backoff: { initialMs: 2000, factor: 2, maxMs: 30_000 },
  noRestartExitCodes: [],
};
const unhealthy: Fault = { kind: "unhealthy", failures: 3, detail: "no answer" };
const exited = (code: number | null, beforeReady = false): Fault => ({
  kind: "exited",
  status: { code, signal: code === null ? "SIGSEGV" : null },
  afterMs: 1000,
  beforeReady,
  lastLines: [],
  background: null,
});

Deno.test("backoffMs() gives the specification's row: 2, 4, 8, 16 s, then 30 s", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 99].map((n) => backoffMs(specification, n)), [
    2000,
    4000,
    8000,
    16_000,
    30_000,
    30_000,
    30_000,
  ]);
});

Deno.test("backoffMs() grows by the factor, never falls, never passes its cap, and may be zero", () => {
  const backoffs = fc.record({
    initialMs: fc.integer({ min: 0, max: 60_000 }),
    factor: fc.double({ min: 1, max: 10, noNaN: true }),
    maxMs: fc.integer({ min: 0, max: 120_000 }),
  });
  fc.assert(
    fc.property(backoffs, fc.nat({ max: 2000 }), (backoff, n) => {
      const policy = { ...specification, backoff };
      const now = backoffMs(policy, n), next = backoffMs(policy, n + 1);
      assert.ok(Number.isFinite(now) && now >= 0 && now <= backoff.maxMs, `${now} of ${backoff.maxMs}`);
      assert.ok(next >= now);
      if (next < backoff.maxMs) assert.ok(Math.abs(next - now * backoff.factor) <= 1e-6 * next);
      if (backoff.initialMs === 0) assert.equal(now, 0);
    }),
  );
});

Deno.test("judge() counts a restart for as long as the window, to the millisecond", () => {
  for (const [age, verdict] of [[0, "give_up"], [599_999, "give_up"], [600_000, "restart"]] as const) {
    assert.equal(judge(specification, unhealthy, [0, 0, 0], age).kind, verdict, `${age} ms ago`);
  }
  assert.deepEqual(judge(specification, unhealthy, [], 0), {
    kind: "restart",
    attempt: 1,
    of: 3,
    delayMs: 2000,
  });
  assert.deepEqual(judge(specification, unhealthy, [0, 400_000], 600_000), {
    kind: "restart",
    attempt: 2,
    of: 3,
    delayMs: 4000,
  });
  assert.deepEqual(judge(specification, unhealthy, [1, 2, 3], 600_000), {
    kind: "give_up",
    why: "3 restarts in 600 s",
  });
});

Deno.test("judge() looks at how many restarts are recent, not at their order nor at the time of day", () => {
  const now = 1_200_000;
  const times = fc.array(fc.integer({ min: 0, max: now }), { maxLength: 8 });
  const of = (restarts: number[], at = now) => judge(specification, unhealthy, restarts, at);
  fc.assert(
    fc.property(times, fc.integer({ min: 0, max: 1e9 }), fc.nat(600_000), (restarts, shift, old) => {
      const verdict = of(restarts);
      assert.deepEqual(of(restarts.toReversed()), verdict);
      assert.deepEqual(of(restarts.map((at) => at + shift), now + shift), verdict);
      assert.deepEqual(of([...restarts, old]), verdict, "what is as old as the window is forgotten");
      // One more just now: the next attempt, or the end; never a pardon.
      const next = of([...restarts, now]);
      if (verdict.kind !== "restart") assert.deepEqual(next, verdict);
      else if (verdict.attempt === verdict.of) assert.equal(next.kind, "give_up");
      else {
        assert.ok(next.kind === "restart");
        assert.equal(next.attempt, verdict.attempt + 1);
        assert.equal(next.delayMs, 2 * verdict.delayMs);
      }
    }),
  );
});

Deno.test("judge() treats an exit by its moment and code as the policy's type says", () => {
  const kind = (type: RestartPolicy["type"], fault: Fault, noRestartExitCodes: number[] = []) =>
    judge({ ...specification, type, noRestartExitCodes }, fault, [], 0).kind;
  assert.equal(kind("on-failure", exited(0)), "give_up");
  assert.equal(kind("always", exited(0)), "restart");
  assert.equal(kind("on-failure", exited(0, true)), "restart", "before it is ready, any exit is a failure");
  assert.equal(kind("on-failure", exited(1)), "restart");
  assert.equal(kind("on-failure", exited(null)), "restart", "killed by a signal");
  assert.equal(kind("never", exited(1)), "give_up");
  assert.equal(kind("never", unhealthy), "give_up");
  assert.equal(kind("always", exited(7), [7]), "give_up");
  assert.equal(kind("on-failure", exited(7, true), [7]), "give_up");
  assert.equal(kind("on-failure", exited(8), [7]), "restart");
  assert.equal(kind("on-failure", unhealthy, [0, 1, 7]), "restart");
});

Deno.test("judge() with max_restarts 0 never restarts", () => {
  assert.deepEqual(judge({ ...specification, maxRestarts: 0 }, unhealthy, [], 5), {
    kind: "give_up",
    why: "0 restarts in 600 s",
  });
});
