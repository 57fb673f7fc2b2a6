import type { Actual } from "../../../lib/model/states.ts";
import assert from "node:assert/strict";
import { serviceStatus } from "../../../lib/supervise/status_of.ts";
import { LoaderError } from "../../../lib/errors.ts";
import type { RestartPolicy } from "../../../lib/model/plan.ts";
import {
  bringUp,
  fakeSupervisor,
  type FakeUnit,
  leaveNothing,
  servicePlan,
} from "../../support/fake_service.ts";

const policy = servicePlan("x").restart;
const withPolicy = (patch: Partial<RestartPolicy>) => ({ restart: { ...policy, ...patch } });
const standby = { prepare: { files: false, standby: true, globs: [], tokenizers: false } };
const atOnce = withPolicy({ backoff: { initialMs: 0, factor: 2, maxMs: 0 } });

Deno.test("Supervisor.start() is true only after ready and warmed, and says so in the log's words", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service, clock, lines, states } = fake;
  service.warmup = null;
  let result: boolean | null = null;
  const started = supervisor.start().then((up) => result = up);
  await clock.advance(420);
  assert.deepEqual(states, ["starting"]);
  service.ready();
  await clock.advance(30);
  assert.deepEqual(states, ["starting", "warming"]);
  assert.equal(result, null, "ready is not enough");
  assert.ok(!supervisor.isUp);
  service.warmed();
  await clock.settle();
  assert.equal(await started, true);
  assert.ok(supervisor.isUp);
  assert.equal(supervisor.standing.readyMs, 420);
  assert.equal(supervisor.standing.upAt, 450);
  assert.deepEqual(lines, [
    "STT INFO Starting (pid 100)",
    "STT INFO Ready in 0.42s",
    "STT INFO Warmed in 0.03s",
  ]);
  assert.equal(await supervisor.start(), true, "it is up already");
  assert.equal(service.starts, 1);
  await leaveNothing(fake);
  assert.equal(lines.at(-1), "STT INFO Stopped in 0.00s (exit 0)");
});

Deno.test("Supervisor.start() takes a readiness timeout to stop, backoff and another start", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service, clock, lines, states } = fake;
  service.output = ["one", "two", "loading shard 3", "loading shard 4"];
  const started = supervisor.start();
  await clock.advance(19_999);
  assert.deepEqual(states, ["starting"]);
  await clock.advance(1);
  assert.deepEqual(states, ["starting", "stopping", "backoff"]);
  assert.deepEqual(lines.slice(-5), [
    "STT WARNING Not ready within 20 s (last: 503, loading); restart 1 of 3 in 2.0s",
    "STT WARNING Last output: two",
    "STT WARNING Last output: loading shard 3",
    "STT WARNING Last output: loading shard 4",
    "STT INFO Stopped in 0.00s (exit 0)",
  ]);
  await clock.advance(1999);
  assert.equal(service.starts, 1);
  await clock.advance(1);
  assert.equal(service.starts, 2);
  service.ready();
  await clock.settle();
  assert.equal(await started, true);
  assert.equal(supervisor.standing.restartCount, 1);
  assert.equal(supervisor.state.fault, null, "forgotten when it came up");
  await leaveNothing(fake);
});

Deno.test("Supervisor.start() gives up after max_restarts, with growing pauses", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service, clock, lines } = fake;
  let result: boolean | null = null;
  const started = supervisor.start().then((up) => result = up);
  const at: number[] = [];
  for (const pause of [2000, 4000, 8000]) {
    await clock.settle();
    at.push(clock.now());
    service.copy!.exit(1);
    await clock.advance(pause);
  }
  await clock.settle();
  assert.deepEqual([...at, clock.now()], [0, 2000, 6000, 14_000]);
  assert.equal(result, null);
  service.copy!.exit(1);
  await clock.settle();
  await started;
  assert.equal(result, false);
  assert.equal(supervisor.state.actual, "failed");
  assert.equal(supervisor.standing.givenUpWhy, "3 restarts in 600 s");
  assert.ok(lines.includes("STT ERROR Exited with code 1 after 0.0s; given up (3 restarts in 600 s)"));
  assert.equal(service.starts, 4);
  assert.equal(await supervisor.start(), false, "only a person's restart leaves it");
  assert.equal(service.starts, 4);
  assert.equal(clock.pending, 0);
  const again = supervisor.restart();
  await clock.settle();
  service.ready();
  await clock.settle();
  assert.equal(await again, true);
  assert.equal(supervisor.standing.givenUpWhy, null);
  await leaveNothing(fake);
});

Deno.test("Supervisor.start() ends its wait at once when the process exits before it is ready", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service, clock, lines } = fake;
  const started = supervisor.start();
  await clock.advance(12_300);
  service.output = ["Traceback", "ModuleNotFoundError: no module named piper"];
  service.copy!.exit(0);
  await clock.settle();
  assert.equal(supervisor.state.actual, "backoff", "before it is ready, exit 0 is a failure too");
  assert.deepEqual(lines.slice(-3), [
    "STT WARNING Exited with code 0 after 12.3s; restart 1 of 3 in 2.0s",
    "STT WARNING Last output: Traceback",
    "STT WARNING Last output: ModuleNotFoundError: no module named piper",
  ]);
  await leaveNothing(fake);
  assert.equal(await started, false);
});

Deno.test("Supervisor gives up a service that ends with exit 0 after it was up, under on-failure", async () => {
  const fake = fakeSupervisor();
  await bringUp(fake);
  fake.service.output = ["bye"];
  await fake.clock.advance(1000);
  fake.service.copy!.exit(0);
  await fake.clock.settle();
  assert.equal(fake.supervisor.state.actual, "failed");
  assert.equal(
    fake.lines.at(-1),
    "STT ERROR Exited with code 0 after 1.0s; given up (it ended by itself with exit 0)",
  );
  assert.deepEqual(fake.service.calls.slice(-1), ["stop"], "leader gone is not group gone");
  await leaveNothing(fake);
});

Deno.test("P13: a program that goes to the background is told to stay, before it counts as ready", async () => {
  const fake = fakeSupervisor();
  const started = fake.supervisor.start();
  await fake.clock.settle();
  const copy = fake.service.copy!;
  copy.leftBehind = "pid 7 (mosquitto -d)";
  copy.status = { code: 0, signal: null }; // it has ended, and its last output is still being read
  fake.service.ready();
  await fake.clock.settle();
  assert.deepEqual(fake.states, ["starting"]);
  copy.exit(0);
  await fake.clock.settle();
  assert.equal(await started, false);
  assert.deepEqual(fake.lines.slice(0, 2), [
    "STT INFO Starting (pid 100)",
    "STT ERROR Went to the background after 0.0s (pid 7 (mosquitto -d) goes on): start it in the foreground; " +
    "given up (another copy would do the same)",
  ]);
  assert.equal(fake.service.starts, 1);
  assert.deepEqual(fake.service.calls.slice(-1), ["stop"], "what went on is ended");
  await leaveNothing(fake);
});

Deno.test("P13: one that goes to the background later says so too, and the restart policy stays as it is", async () => {
  for (const type of ["on-failure", "always"] as const) {
    const fake = fakeSupervisor(withPolicy({ type }));
    await bringUp(fake);
    fake.service.copy!.leftBehind = "pid 7 (mosquitto -d)";
    fake.service.copy!.exit(0);
    await fake.clock.advance(2000);
    assert.match(
      fake.lines.find((line) => line.includes("Went"))!,
      /goes on\): start it in the foreground; /,
    );
    assert.equal(fake.service.starts, type === "always" ? 2 : 1);
    await leaveNothing(fake);
  }
});

Deno.test("Supervisor starts a service again that ends with exit 0 after it was up, under always", async () => {
  const fake = fakeSupervisor(withPolicy({ type: "always" }));
  await bringUp(fake);
  fake.service.copy!.exit(0);
  await fake.clock.advance(2000);
  assert.equal(fake.service.starts, 2);
  await leaveNothing(fake);
});

Deno.test("Supervisor gives up at once on one of no_restart_exit_codes", async () => {
  const fake = fakeSupervisor(withPolicy({ noRestartExitCodes: [78] }));
  const started = fake.supervisor.start();
  await fake.clock.settle();
  fake.service.copy!.exit(78);
  await fake.clock.settle();
  assert.equal(await started, false);
  assert.equal(fake.supervisor.standing.givenUpWhy, "exit code 78 is one of no_restart_exit_codes");
  assert.equal(fake.service.starts, 1);
  await leaveNothing(fake);
});

Deno.test("Supervisor starts again at once when the backoff is zero", async () => {
  const fake = fakeSupervisor(atOnce);
  await bringUp(fake);
  fake.service.copy!.exit(null, "SIGKILL");
  await fake.clock.settle();
  assert.equal(fake.service.starts, 2);
  assert.equal(fake.clock.now(), 0);
  assert.ok(fake.lines.includes("STT WARNING Killed by SIGKILL after 0.0s; restart 1 of 3 in 0.0s"));
  await leaveNothing(fake);
});

Deno.test("Supervisor keeps no timer of a copy that has crashed, 200 times over", async () => {
  const fake = fakeSupervisor(
    withPolicy({ maxRestarts: 1000, backoff: { initialMs: 0, factor: 2, maxMs: 0 } }),
  );
  await bringUp(fake);
  const before = fake.clock.pending;
  for (let i = 0; i < 200; i++) {
    fake.service.copy!.exit(1);
    await fake.clock.settle();
    fake.service.ready();
    await fake.clock.settle();
    assert.ok(fake.supervisor.isUp, `crash ${i}`);
  }
  assert.equal(fake.service.starts, 201);
  assert.equal(fake.clock.pending, before);
  await leaveNothing(fake);
});

Deno.test("Supervisor counts a spawn that is not possible as a failed start", async () => {
  const fake = fakeSupervisor(atOnce);
  fake.service.spawnError = new LoaderError("spawn_failed", "cannot start stt: no such file");
  const started = fake.supervisor.start();
  await fake.clock.settle();
  assert.ok(fake.lines.includes("STT WARNING cannot start stt: no such file; restart 1 of 3 in 0.0s"));
  fake.service.ready();
  await fake.clock.settle();
  assert.equal(await started, true);
  assert.equal(fake.service.starts, 1);
  await leaveNothing(fake);
});

Deno.test("Supervisor takes EXTEND_TIMEOUT_USEC for more time, at most ten times the limit", async () => {
  const fake = fakeSupervisor({ readyTimeout: { value: 1000, from: "test" } });
  const { supervisor, service, clock, lines } = fake;
  const started = supervisor.start();
  await clock.advance(900);
  service.copy!.extend(500); // to 1400
  await clock.advance(499);
  assert.equal(supervisor.state.actual, "starting");
  service.copy!.extend(0); // never earlier than it was
  service.copy!.extend(1_000_000); // to 10 000, the cap
  await clock.advance(8600);
  assert.equal(clock.now(), 9999);
  assert.equal(supervisor.state.actual, "starting");
  await clock.advance(1);
  assert.equal(supervisor.state.actual, "backoff");
  assert.ok(lines.some((line) => line.startsWith("STT WARNING Not ready within 10 s")), lines.join("\n"));
  await leaveNothing(fake);
  assert.equal(await started, false);
});

Deno.test("Supervisor lets visible progress extend a learned limit to what was configured", async () => {
  const fake = fakeSupervisor({ readyTimeout: { value: 1000, from: "p95", progressing: 2000 } });
  const { supervisor, service, clock, lines } = fake;
  const started = supervisor.start();
  for (let i = 0; i < 19; i++) {
    await clock.advance(100);
    service.copy!.sign();
  }
  assert.equal(supervisor.state.actual, "starting");
  await clock.advance(100);
  assert.equal(supervisor.state.actual, "backoff");
  assert.ok(lines.some((line) => line.startsWith("STT WARNING Not ready within 2 s")), lines.join("\n"));
  await leaveNothing(fake);
  assert.equal(await started, false);
});

Deno.test("P2: what waiting does not mend is told, fails the start and is not tried again", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service, clock, lines } = fake;
  service.wrong = 'NOT_FOUND, the server knows no service "lm"';
  const started = supervisor.start();
  await clock.settle();
  assert.equal(await started, false);
  assert.deepEqual([service.starts, supervisor.state.actual], [1, "failed"]);
  assert.deepEqual(lines.filter((line) => line.includes("NOT_FOUND")), [
    'STT WARNING Not ready, and waiting will not mend it: NOT_FOUND, the server knows no service "lm"',
    'STT ERROR Never becomes ready: NOT_FOUND, the server knows no service "lm"; given up (another copy would be no better)',
  ]);
  assert.equal(serviceStatus(supervisor, clock.now(), null).problem, `Never becomes ready: ${service.wrong}`);
  await leaveNothing(fake);
});

Deno.test("Supervisor says every 10 s what it waits for", async () => {
  const fake = fakeSupervisor({ readyTimeout: { value: 90_000, from: "test" } });
  const { supervisor, service, clock, lines } = fake;
  const started = supervisor.start();
  await clock.advance(9999);
  assert.equal(lines.filter((line) => line.includes("Waiting")).length, 0);
  await clock.advance(1);
  service.output = ["loading layers"];
  await clock.advance(10_000);
  service.copy!.statusText = "loading 60 %";
  await clock.advance(14_000);
  assert.deepEqual(lines.filter((line) => line.includes("Waiting")), [
    "STT INFO Waiting: 10 s of 90 s, 503, loading; last output: none",
    "STT INFO Waiting: 20 s of 90 s, 503, loading; last output: loading layers",
    "STT INFO Waiting: 30 s of 90 s, 503, loading; last output: loading 60 %",
  ]);
  service.ready();
  await clock.settle();
  assert.equal(await started, true);
  await clock.advance(0);
  assert.equal(clock.pending, 1, "only the next health check");
  await leaveNothing(fake);
});

Deno.test("Supervisor sends a failed warm-up that is required to the restart policy", async () => {
  const fake = fakeSupervisor();
  fake.service.warmup = () => ({ state: "failed", detail: "answered 500" });
  const started = fake.supervisor.start();
  await fake.clock.settle();
  fake.service.ready();
  await fake.clock.settle();
  assert.equal(fake.supervisor.state.actual, "backoff");
  assert.ok(fake.lines.includes("STT WARNING Warm-up failed: answered 500; restart 1 of 3 in 2.0s"));
  await leaveNothing(fake);
  assert.equal(await started, false);
});

Deno.test("Supervisor goes on after a failed warm-up that is not required, and after one that is not offered", async () => {
  const answers = [
    [
      { state: "failed", detail: "answered 500" },
      "Warm-up failed: answered 500; it is not required, going on",
    ],
    [
      { state: "not_offered", detail: "404", hint: "set warmup: none" },
      "Warm-up not offered: 404; set warmup: none",
    ],
  ] as const;
  for (const [answer, line] of answers) {
    const fake = fakeSupervisor({
      warmup: { kind: "exec", cmd: ["true"], timeoutMs: 1000, runs: 1, required: false },
    });
    fake.service.warmup = () => answer;
    await bringUp(fake);
    assert.equal(fake.lines.at(-1), `STT WARNING ${line}`);
    await leaveNothing(fake);
  }
});

Deno.test("Supervisor with no warm-up says why only where that is a surprise", async () => {
  for (const warn of [true, false]) {
    const none = {
      kind: "none",
      why: "no model is named",
      warn,
      timeoutMs: 1,
      runs: 1,
      required: true,
    } as const;
    const fake = fakeSupervisor({ warmup: none });
    await bringUp(fake);
    assert.ok(!fake.service.calls.includes("warm"));
    assert.equal(fake.lines.includes("STT WARNING No warm-up: no model is named"), warn);
    await leaveNothing(fake);
  }
});

Deno.test("Supervisor takes a crash during the warm-up as a crash before it was ready for anybody", async () => {
  const fake = fakeSupervisor(atOnce);
  fake.service.warmup = null;
  const started = fake.supervisor.start();
  await fake.clock.settle();
  fake.service.ready();
  await fake.clock.settle();
  fake.service.copy!.exit(0);
  await fake.clock.settle();
  assert.equal(fake.supervisor.state.actual, "starting");
  assert.equal(fake.service.starts, 2);
  fake.service.warmup = () => ({ state: "warmed", ms: 1 });
  fake.service.ready();
  await fake.clock.settle();
  assert.equal(await started, true);
  await leaveNothing(fake);
});

Deno.test("Supervisor asks its hooks before each start, before it is up, and after each stop", async () => {
  const order: string[] = [];
  const fake: FakeUnit = fakeSupervisor(atOnce, {
    hooks: {
      beforeStart: async () => void order.push(`before start, ${fake.service.starts} so far`),
      beforeUp: async () => {
        order.push("before up");
        return order.length < 4 ? { kind: "on_cpu", detail: "its model is not on the GPU" } : null;
      },
      afterStop: async () => void order.push("after stop"),
    },
  });
  const started = fake.supervisor.start();
  await fake.clock.settle();
  fake.service.ready();
  await fake.clock.settle();
  fake.service.ready();
  await fake.clock.settle();
  assert.equal(await started, true);
  assert.deepEqual(order, [
    "before start, 0 so far",
    "before up",
    "after stop",
    "before start, 1 so far",
    "before up",
  ]);
  assert.ok(
    fake.lines.includes("STT WARNING READY ON CPU: its model is not on the GPU; restart 1 of 3 in 0.0s"),
  );
  await leaveNothing(fake);
});

Deno.test("Supervisor takes a refused admission as a failed start", async () => {
  const fake = fakeSupervisor(withPolicy({ type: "never" }), {
    hooks: {
      beforeStart: () =>
        Promise.reject(new LoaderError("vram_short", "llm needs 9000 MiB, 512 MiB are free")),
    },
  });
  assert.equal(await fake.supervisor.start(), false);
  assert.equal(fake.service.starts, 0);
  assert.ok(fake.lines[0]!.startsWith("STT ERROR llm needs 9000 MiB"), fake.lines[0]!);
  await leaveNothing(fake);
});

/** Brings a fresh supervisor into each state of a service that we run. */
const into: Record<Exclude<Actual, "away">, (fake: FakeUnit) => Promise<void>> = {
  idle: async () => {},
  standby: async ({ supervisor, clock }) => {
    supervisor.prepare();
    await clock.settle();
  },
  starting: async ({ supervisor, clock }) => {
    void supervisor.start();
    await clock.settle();
  },
  warming: async ({ supervisor, service, clock }) => {
    service.warmup = null;
    void supervisor.start();
    await clock.settle();
    service.ready();
    await clock.settle();
  },
  up: bringUp,
  stopping: async (fake) => {
    await bringUp(fake);
    fake.service.holdsOn = true;
    void fake.supervisor.stop();
    await fake.clock.settle();
  },
  backoff: async ({ supervisor, service, clock }) => {
    void supervisor.start();
    await clock.settle();
    service.copy!.exit(1);
    await clock.settle();
  },
  failed: async (fake) => {
    await bringUp(fake);
    fake.service.copy!.exit(0);
    await fake.clock.settle();
  },
};

/** Plays an honest service until everything is at rest. */
async function playOn({ service, clock }: FakeUnit): Promise<void> {
  service.warmup = () => ({ state: "warmed", ms: 1 });
  for (let i = 0; i < 4; i++) {
    await clock.settle();
    service.letGo();
    await clock.settle();
    service.ready();
    service.warmed();
    await clock.settle();
  }
}

for (const [state, enter] of Object.entries(into) as [Actual, (fake: FakeUnit) => Promise<void>][]) {
  Deno.test(`Supervisor.restart() ten times at once in "${state}" gives one running copy`, async () => {
    const fake = fakeSupervisor(standby);
    await enter(fake);
    assert.equal(fake.supervisor.state.actual, state);
    const before = fake.service.starts;
    const all = Array.from({ length: 10 }, () => fake.supervisor.restart());
    await playOn(fake);
    assert.deepEqual(await Promise.all(all), Array(10).fill(true));
    assert.ok(fake.service.starts - before <= 1);
    assert.ok(fake.service.copy?.running);
    assert.deepEqual([...fake.supervisor.state.restarts], [], "what failed before is forgotten");
    fake.service.holdsOn = false;
    await leaveNothing(fake);
  });

  Deno.test(`Supervisor.stop() in "${state}" ends with nothing running, whoever else waits`, async () => {
    const fake = fakeSupervisor(standby);
    await enter(fake);
    const restarted = state === "up" ? fake.supervisor.restart() : null;
    const stopped = [fake.supervisor.stop(), fake.supervisor.stop()];
    await playOn(fake);
    await Promise.all(stopped);
    if (restarted) assert.equal(await restarted, false);
    assert.equal(fake.supervisor.state.actual, "idle");
    assert.equal(fake.service.copy, null);
    assert.equal(fake.clock.pending, 0, "timers are left");
    await fake.supervisor.idle();
  });
}

Deno.test("Supervisor.stop() without grace hurries a stop that is under way", async () => {
  const fake = fakeSupervisor();
  await bringUp(fake);
  fake.service.holdsOn = true;
  const polite = fake.supervisor.stop();
  await fake.clock.settle();
  const force = new AbortController();
  const impatient = fake.supervisor.stop(force.signal);
  await fake.clock.advance(10);
  assert.equal(fake.supervisor.state.actual, "stopping");
  force.abort();
  await fake.clock.settle();
  const report = await polite;
  assert.deepEqual(await impatient, report);
  assert.equal(report?.killed, true);
  assert.equal(fake.lines.at(-1), "STT WARNING Stopped in 0.01s (SIGKILL after 5.00s of grace)");
  await leaveNothing(fake);
});

Deno.test("Supervisor.start() while it is being stopped starts a fresh copy, after the last process is gone", async () => {
  const fake = fakeSupervisor();
  await bringUp(fake);
  fake.service.holdsOn = true;
  void fake.supervisor.stop();
  await fake.clock.settle();
  const started = fake.supervisor.start();
  await fake.clock.advance(500);
  assert.equal(fake.service.starts, 1);
  fake.service.letGo();
  await fake.clock.settle();
  assert.equal(fake.service.starts, 2);
  fake.service.ready();
  await fake.clock.settle();
  assert.equal(await started, true);
  fake.service.holdsOn = false;
  await leaveNothing(fake);
});

Deno.test("Supervisor.prepare() starts a standby copy that the start only releases", async () => {
  const fake = fakeSupervisor(standby);
  const { supervisor, service, clock, lines } = fake;
  supervisor.prepare();
  supervisor.prepare();
  await clock.advance(250);
  service.copy!.prepared();
  await clock.settle();
  assert.equal(supervisor.state.actual, "standby");
  assert.equal(service.starts, 1);
  service.ready(); // it bound early: not gated on before its turn
  await clock.settle();
  assert.equal(supervisor.state.actual, "standby");
  const started = supervisor.start();
  await clock.settle();
  assert.deepEqual(service.calls, ["prepare", "release"]);
  service.ready();
  await clock.settle();
  assert.equal(await started, true);
  assert.deepEqual(lines.slice(0, 2), [
    "STT INFO Prepared, standing by (0.25s)",
    "STT INFO Starting (pid 100), was standing by",
  ]);
  service.copy!.exit(1);
  await clock.settle();
  assert.equal(supervisor.state.actual, "backoff", "the exit of a released copy is noticed");
  await leaveNothing(fake);
});

Deno.test("Supervisor.prepare() never fails the boot: a standby that dies is replaced by a usual start", async () => {
  const fake = fakeSupervisor(standby);
  const { supervisor, service, clock } = fake;
  supervisor.prepare();
  await clock.settle();
  service.copy!.exit(3);
  await clock.settle();
  assert.equal(supervisor.state.actual, "idle");
  assert.equal(supervisor.standing.restartCount, 0);
  const started = supervisor.start();
  await clock.settle();
  assert.deepEqual(service.calls, ["prepare", "stop", "start"]);
  service.ready();
  await clock.settle();
  assert.equal(await started, true);
  assert.deepEqual([...supervisor.state.restarts], [], "the policy counts only starts");
  await leaveNothing(fake);
});

Deno.test("Supervisor.start() of a standby whose death was not told yet watches the copy that it starts instead", async () => {
  const fake = fakeSupervisor(standby);
  const { supervisor, service, clock } = fake;
  supervisor.prepare();
  await clock.settle();
  service.copy!.status = { code: 3, signal: null }; // the kernel knows it, nobody was told yet
  const started = supervisor.start();
  await clock.settle();
  assert.deepEqual(service.calls, ["prepare", "stop", "start"]);
  service.ready();
  await clock.settle();
  assert.equal(await started, true);
  service.copy!.exit(1);
  await clock.settle();
  assert.equal(supervisor.state.actual, "backoff", "nobody noticed that the fresh copy has died");
  await leaveNothing(fake);
});

Deno.test("Supervisor.stop() of a standby tells nothing about a prepare", async () => {
  const fake = fakeSupervisor(standby);
  fake.supervisor.prepare();
  await fake.clock.settle();
  await leaveNothing(fake);
  assert.deepEqual(fake.lines.filter((line) => !line.includes("Stopped in")), []);
});

Deno.test("Supervisor.prepare() does nothing for a service without standby", async () => {
  const fake = fakeSupervisor();
  fake.supervisor.prepare();
  await fake.clock.settle();
  assert.deepEqual(fake.service.calls, []);
  await leaveNothing(fake);
});

Deno.test("Supervisor.adopt() takes over what runs and watches it", async () => {
  const fake = fakeSupervisor();
  const copy = fake.service.found();
  fake.supervisor.adopt();
  assert.ok(fake.supervisor.isUp && fake.supervisor.standing.adopted);
  await fake.clock.advance(5000);
  assert.deepEqual(fake.service.calls, ["health"], "neither started nor warmed");
  copy.exit(1);
  await fake.clock.advance(2000);
  assert.equal(fake.service.starts, 2, "and starts it again like any other");
  assert.equal(fake.supervisor.standing.adopted, false);
  await leaveNothing(fake);
});

Deno.test("Supervisor of an external service says that it watches, and warms it as any other", async () => {
  const fake = fakeSupervisor({ manage: "external" });
  await bringUp(fake);
  assert.equal(fake.lines[0], "STT INFO Watching (external)");
  assert.deepEqual(fake.service.calls, ["warm"]);
  await leaveNothing(fake);
});

Deno.test("P5: Supervisor looks for an external service that is away until it is back, and warms it again", async () => {
  const fake = fakeSupervisor({ manage: "external", ...withPolicy({ type: "watch", maxRestarts: 3 }) });
  const { supervisor, service, clock, lines, states } = fake;
  await bringUp(fake);
  service.health = () => ({ state: "waiting", detail: "connection refused" });
  service.isReady = () => Promise.resolve(false);
  await clock.advance(15_000);
  assert.equal(supervisor.state.actual, "away");
  assert.ok(!supervisor.isUp && supervisor.isLost);
  const told = lines.at(-1)!;
  assert.match(
    told,
    /^STT WARNING Unhealthy: 3 checks in a row failed \(last: connection refused\); away since \d\d:\d\d:\d\d, looking again$/,
  );
  assert.equal(await supervisor.start(), false, "whoever waits for it goes on");
  await clock.advance(3_600_000);
  assert.equal(supervisor.state.actual, "away", "never given up");
  assert.equal(lines.at(-1), told, "and told once");
  assert.equal(supervisor.standing.restartCount, 0);

  service.health = () => ({ state: "ready", detail: "ok" });
  service.warmup = () => ({ state: "failed", detail: "500, loading" });
  service.isReady = () => Promise.resolve(true);
  await clock.advance(60_000);
  assert.ok(!lines.some((line) => line.includes("Back after")), "not before it is warm");
  const failures = lines.filter((line) => line.includes("Warm-up failed: 500, loading; away since"));
  assert.equal(failures.length, 1, lines.join("\n"));
  assert.ok(service.calls.filter((call) => call === "warm").length > 2, "tried again");
  service.warmup = () => ({ state: "warmed", ms: 30 });
  await clock.advance(20_000);
  assert.ok(supervisor.isUp);
  assert.match(lines.at(-1)!, /^STT INFO Back after 36\d\ds$/);
  assert.equal(supervisor.standing.awaySince, null);
  assert.deepEqual([...new Set(states)], ["starting", "warming", "up", "away"]);
  await leaveNothing(fake);
});

Deno.test("P5: Supervisor lets the boot go on without an external service that is away, and stops looking when told", async () => {
  const fake = fakeSupervisor({ manage: "external", ...withPolicy({ type: "watch" }) });
  fake.service.isReady = () => Promise.resolve(false);
  const started = fake.supervisor.start();
  await fake.clock.advance(20_000);
  assert.equal(await started, false);
  assert.equal(fake.supervisor.state.actual, "away");
  const restarts = Array.from({ length: 10 }, () => fake.supervisor.restart());
  await playOn(fake);
  assert.deepEqual(await Promise.all(restarts), Array(10).fill(true), "a person's restart looks at once");
  assert.equal(fake.supervisor.standing.awaySince, null);
  await leaveNothing(fake);
});

Deno.test("P11: Supervisor warms again what is cold, says so once, and takes it for unproved until it is warm", async () => {
  const fake = fakeSupervisor({}, { name: "llm" });
  const { supervisor, service, clock, lines } = fake;
  await bringUp(fake);
  service.warmup = () => {
    service.cold = null;
    return { state: "warmed", ms: 30 };
  };
  const warmed = () => service.calls.filter((call) => call === "warm").length;
  await clock.advance(10_000);
  assert.equal(warmed(), 1, "what is warm is left alone");
  service.cold = "Ollama has unloaded llama3";
  await clock.advance(5000);
  assert.deepEqual([warmed(), supervisor.unproved], [2, false]);
  assert.deepEqual(lines.slice(-2), [
    "LLM WARNING Ollama has unloaded llama3; warming it again",
    "LLM INFO Warmed again in 0.03s",
  ]);
  service.cold = "Ollama has unloaded llama3";
  await clock.advance(5000);
  assert.deepEqual([warmed(), supervisor.unproved], [2, true], "no tug-of-war with whoever unloads it");
  await clock.advance(60_000);
  assert.deepEqual([warmed(), supervisor.unproved], [3, false]);
  assert.deepEqual(lines.filter((line) => line.includes("again")).map((line) => line.split(" ")[1]), [
    "WARNING",
    "INFO",
    "DEBUG",
    "DEBUG",
  ]);
  assert.ok(supervisor.isUp);
  await leaveNothing(fake);
});

for (const required of [true, false]) {
  const ends = required ? "restarts" : "keeps";
  Deno.test(`P11: Supervisor ${ends} what is cold and cannot be warmed${required ? "" : " and need not be"}`, async () => {
    const warmup = { kind: "exec" as const, cmd: ["true"], timeoutMs: 1000, runs: 1, required };
    const fake = fakeSupervisor({ warmup });
    await bringUp(fake);
    fake.service.cold = "The server sleeps";
    fake.service.warmup = () => ({ state: "failed", detail: "answered 500" });
    await fake.clock.advance(15_000);
    const unhealthy = "STT WARNING Unhealthy: 3 checks in a row failed " +
      "(last: cold, and not to be warmed: answered 500); restart 1 of 3 in 2.0s";
    assert.equal(fake.lines.includes(unhealthy), required, fake.lines.join("\n"));
    assert.equal(fake.supervisor.isUp, !required);
    await leaveNothing(fake);
  });
}

Deno.test("Supervisor.replan() of what needs no fresh copy interrupts nothing and holds at once", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service, clock, states } = fake;
  await bringUp(fake);
  const { health } = supervisor.plan;
  supervisor.replan(servicePlan("stt", { health: { ...health, intervalMs: 100 }, graceMs: 1 }), false);
  assert.equal(supervisor.plan.graceMs, 1);
  await clock.advance(1000);
  const asked = service.calls.filter((call) => call === "health").length;
  assert.ok(asked >= 9, `${asked} health checks at the new pace`);
  assert.deepEqual([service.starts, states.at(-1)], [1, "up"]);
  await leaveNothing(fake);
});

Deno.test("Supervisor.replan() with a fresh copy leaves the old one as it is until its next start()", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service, clock, states } = fake;
  await bringUp(fake);
  supervisor.replan(servicePlan("stt", { argv: ["new"], graceMs: 1 }), true);
  await clock.advance(60_000);
  assert.deepEqual([service.starts, service.plan.argv, supervisor.plan.graceMs], [
    1,
    ["sh", "-c", "exit 0"],
    5000,
  ]);
  const renewed = supervisor.start();
  await clock.settle();
  assert.deepEqual([service.starts, service.plan.argv], [2, ["new"]]);
  service.ready();
  await clock.settle();
  assert.equal(await renewed, true);
  assert.deepEqual(states.slice(-4), ["stopping", "starting", "warming", "up"]);
  assert.equal(await supervisor.start(), true, "once is enough");
  assert.equal(service.starts, 2);
  await leaveNothing(fake);
});

Deno.test("Supervisor.replan() with a fresh copy is fulfilled by a crash in between, and mends what had failed", async () => {
  const fake = fakeSupervisor(atOnce);
  const { supervisor, service, clock } = fake;
  await bringUp(fake);
  supervisor.replan(servicePlan("stt", { ...withPolicy({ type: "never" }), argv: ["new"] }), true);
  service.copy!.exit(1);
  await clock.settle();
  assert.deepEqual([service.starts, service.plan.argv], [2, ["new"]]);
  service.copy!.exit(1);
  await clock.settle();
  assert.equal(supervisor.state.actual, "failed", "the new policy judges the new copy");
  supervisor.replan(servicePlan("stt", { argv: ["newer"] }), true);
  const renewed = supervisor.start();
  await clock.settle();
  service.ready();
  await clock.settle();
  assert.equal(await renewed, true);
  assert.deepEqual([service.starts, service.plan.argv], [3, ["newer"]]);
  await leaveNothing(fake);
});

Deno.test("Supervisor.replan() replaces at its start() a copy that is starting or stands by", async () => {
  for (const stage of ["starting", "standby"] as const) {
    const fake = fakeSupervisor(standby);
    const { supervisor, service, clock } = fake;
    const before = stage === "starting" ? supervisor.start() : supervisor.prepare();
    await clock.settle();
    assert.equal(supervisor.state.actual, stage);
    supervisor.replan(servicePlan("stt", { argv: ["new"] }), true);
    const renewed = supervisor.start();
    await clock.settle();
    service.ready();
    await clock.settle();
    assert.ok(await renewed && await before !== false, "whoever waited for it goes on with the new one");
    assert.deepEqual([service.starts, service.plan.argv], [2, ["new"]]);
    await leaveNothing(fake);
  }
});

Deno.test("Supervisor that was retired is not started again by anybody", async () => {
  const fake = fakeSupervisor();
  const { supervisor, service } = fake;
  await bringUp(fake);
  supervisor.retire();
  await leaveNothing(fake);
  assert.deepEqual([await supervisor.start(), await supervisor.restart(), service.starts], [false, false, 1]);
});
