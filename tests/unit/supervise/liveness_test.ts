import type { Fault } from "../../../lib/model/states.ts";
import assert from "node:assert/strict";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import type { ProbeResult } from "../../../lib/probes/mod.ts";
import { CpuUse, watchLiveness } from "../../../lib/supervise/liveness.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { bringUp, fakeSupervisor, leaveNothing, servicePlan } from "../../support/fake_service.ts";

const well: ProbeResult = { state: "ready", detail: "200" };
const ill: ProbeResult = { state: "waiting", detail: "500" };
const wrong: ProbeResult = { state: "wrong", detail: "not gRPC" };
const late: ProbeResult = { state: "timeout", detail: "no answer within 1000 ms" };

/** Answers one check after the other, and repeats the last for ever; every check is one interval of 5 s. */
function watched(
  answers: ProbeResult[],
  o: { work?: (since: number) => string | null; health?: Partial<ServicePlan["health"]> } = {},
) {
  const clock = new FakeClock();
  const abort = new AbortController();
  const asked: number[] = [];
  const busy: string[] = [];
  const unasked: string[] = [];
  let fault: Fault | null = null;
  const watching = watchLiveness({
    checkHealth: () => {
      asked.push(clock.now());
      return Promise.resolve(answers[Math.min(asked.length, answers.length) - 1]!);
    },
    signOfWork: o.work ?? (() => null),
  }, {
    health: { ...servicePlan("x").health, ...o.health },
    clock,
    signal: abort.signal,
    onBusy: (detail) => busy.push(detail),
    onUnasked: (detail) => unasked.push(detail),
  }).then((found) => fault = found, (reason) => assert.equal(reason, abort.signal.reason));
  return {
    clock,
    asked,
    busy,
    unasked,
    get fault() {
      return fault as Fault | null;
    },
    async end() {
      abort.abort();
      await watching;
      assert.equal(clock.pending, 0);
    },
  };
}

Deno.test("watchLiveness() reports three failures in a row, not two", async () => {
  const run = watched([well, ill, wrong, late]);
  await run.clock.advance(19_999);
  assert.equal(run.fault, null);
  await run.clock.advance(1);
  assert.deepEqual(run.asked, [5000, 10_000, 15_000, 20_000]);
  assert.deepEqual(run.fault, { kind: "unhealthy", failures: 3, detail: late.detail });
  await run.end();
});

Deno.test("watchLiveness() forgets failures after a success", async () => {
  const run = watched([ill, ill, well, ill, ill, well, ill, ill, well]);
  await run.clock.advance(200_000);
  assert.equal(run.fault, null);
  await run.end();
});

Deno.test("R19: a check that could not be made is neither a failure nor a success", async () => {
  const none: ProbeResult = { state: "unasked", detail: "no file descriptor is free" };
  const run = watched([...Array(40).fill(none), ill, none, ill, none, none, ill]);
  await run.clock.advance(45 * 5000);
  assert.equal(run.fault, null);
  assert.equal(run.unasked.length, 4, "told once a minute");
  await run.clock.advance(5000);
  assert.deepEqual(run.fault, { kind: "unhealthy", failures: 3, detail: ill.detail });
  await run.end();
});

Deno.test("watchLiveness() takes a timeout of a working service as busy, up to its own limit", async () => {
  const run = watched([well, late], {
    work: () => "GPU at 90 %",
    health: { busy: { cpu: false, limitMs: 60_000 } },
  });
  await run.clock.advance(69_999); // busy since 10 s
  assert.equal(run.fault, null);
  assert.deepEqual(run.busy, ["GPU at 90 %"], "told once in a row");
  await run.clock.advance(1);
  const fault = run.fault!;
  assert.ok(
    fault.kind === "unhealthy" && fault.detail === "busy (GPU at 90 %) for 60 s",
    JSON.stringify(fault),
  );
  await run.end();
});

Deno.test("watchLiveness() never takes a wrong answer as busy", async () => {
  const run = watched([ill], { work: () => assert.fail("nobody asks for work after an answer") });
  await run.clock.advance(15_000);
  assert.equal(run.fault?.kind, "unhealthy");
  await run.end();
});

Deno.test("watchLiveness() begins a new busy limit after an answer", async () => {
  const answers = [...Array(11).fill(late), well, ...Array(11).fill(late), well];
  const run = watched(answers, { work: () => "works" });
  await run.clock.advance(5000 * 30);
  assert.equal(run.fault, null);
  assert.deepEqual(run.busy, ["works", "works"]);
  await run.end();
});

Deno.test("watchLiveness() asks for signs of work since the last answer only", async () => {
  const since: number[] = [];
  const run = watched([well, well, late], { work: (at) => (since.push(at), null) });
  await run.clock.advance(25_000);
  assert.deepEqual(since, [10_000, 10_000, 10_000]);
  assert.equal(run.fault?.kind, "unhealthy");
  await run.end();
});

Deno.test("Supervisor never checks health before it is up, and begins anew after a restart", async () => {
  const fake = fakeSupervisor({
    restart: { ...servicePlan("x").restart, backoff: { initialMs: 0, factor: 1, maxMs: 0 } },
  });
  const { supervisor, service, clock, lines } = fake;
  service.warmup = null;
  service.health = () => ill;
  const started = supervisor.start();
  await clock.advance(15_000);
  service.ready();
  await clock.advance(15_000);
  assert.ok(!service.calls.includes("health"), "not while it starts or warms");
  service.warmed();
  await clock.settle();
  await started;
  const checks = () => service.calls.filter((call) => call === "health").length;
  await clock.advance(10_000);
  assert.equal(checks(), 2);
  const again = supervisor.restart(); // two failures are on the count: the fresh copy must not inherit them
  await clock.settle();
  service.warmup = () => ({ state: "warmed", ms: 1 });
  service.ready();
  await clock.settle();
  assert.equal(await again, true);
  await clock.advance(10_000);
  assert.equal(checks(), 4);
  assert.ok(supervisor.isUp);
  await clock.advance(5000);
  assert.equal(service.starts, 3);
  assert.ok(
    lines.includes("STT WARNING Unhealthy: 3 checks in a row failed (last: 500); restart 1 of 3 in 0.0s"),
    lines.join("\n"),
  );
  await leaveNothing(fake);
});

Deno.test("Supervisor takes WATCHDOG=1 and advancing CPU time as signs of work, and a wedged service as dead", async () => {
  const busy = { ...servicePlan("x").health, busy: { cpu: true, limitMs: 600_000 } };
  const fake = fakeSupervisor({ health: busy });
  await bringUp(fake);
  const { supervisor, service, clock, lines } = fake;
  await clock.advance(5000);
  service.health = () => late;
  service.copy!.watchdogAt = clock.now() + 1;
  await clock.advance(5000);
  assert.ok(lines.includes("STT WARNING Does not answer its health check, but works: WATCHDOG=1 received"));
  service.copy!.watchdogAt = null;
  for (let i = 0; i < 20; i++) {
    service.copy!.ticks += 10;
    await clock.advance(5000);
  }
  assert.ok(supervisor.isUp, "its CPU time advances");
  await clock.advance(10_000); // SIGSTOP: nothing advances any more
  assert.ok(supervisor.isUp);
  await clock.advance(5000);
  assert.equal(supervisor.state.actual, "backoff");
  await leaveNothing(fake);
});

Deno.test("P4: a service that only waits has no CPU time to show for itself", async () => {
  const clock = new FakeClock();
  let ticks = 0;
  const use = new CpuUse(clock, () => ticks);
  use.begin();
  const after = async (used: number) => {
    await clock.advance(5000);
    ticks += used;
    return use.advances();
  };
  assert.deepEqual([await after(0), await after(2), await after(3), await after(2)], [
    false,
    false, // timers and an event loop
    true,
    false,
  ]);
});

Deno.test("Supervisor takes GPU use of its processes as a sign of work", async () => {
  const fake = fakeSupervisor({}, { hooks: { signOfWork: () => "its processes use the GPU (87 %)" } });
  await bringUp(fake);
  fake.service.health = () => late;
  await fake.clock.advance(30_000);
  assert.ok(fake.supervisor.isUp);
  assert.equal(fake.lines.filter((line) => line.includes("but works: its processes use the GPU")).length, 1);
  await leaveNothing(fake);
});

Deno.test("Supervisor does not count CPU time that was used before the last answer", async () => {
  const busy = { ...servicePlan("x").health, busy: { cpu: true, limitMs: 600_000 } };
  const fake = fakeSupervisor({ health: busy });
  await bringUp(fake);
  fake.service.copy!.ticks = 1000; // worked while it was well
  await fake.clock.advance(5000);
  fake.service.health = () => late; // wedged
  await fake.clock.advance(14_999);
  assert.ok(fake.supervisor.isUp);
  await fake.clock.advance(1);
  assert.equal(fake.supervisor.state.actual, "backoff", "three checks in a row, none excused by old work");
  await leaveNothing(fake);
});
