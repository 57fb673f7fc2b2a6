/** The machines of `lib/supervise/` under any sequence of events. ALEXA_FUZZ_RUNS sets how many are tried (2000). */
import type { Fault, LoaderState } from "../../lib/model/states.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import type { RestartPolicy } from "../../lib/model/plan.ts";
import { type LoaderEvent, nextLoaderState } from "../../lib/loader/boot_machine.ts";
import {
  type Effect,
  initialState,
  type ServiceEvent,
  type ServiceState,
  step,
} from "../../lib/supervise/service_machine.ts";

const numRuns = Number(Deno.env.get("ALEXA_FUZZ_RUNS") ?? 2000);

type Settled = "up" | "failed" | "down";

/** The world that an honest interpreter shows to the machine: at most one process, one backoff, and who waits. */
class World {
  state: ServiceState = initialState;
  now = 0;
  process: "none" | "standby" | "running" | "ending" = "none";
  backoff = false;
  waiting = 0;
  settled: Settled[] = [];
  /** Automatic restarts, by the time of their verdict, since a person last asked for a fresh copy. */
  restarts: number[] = [];
  starts = 0;
  readonly policy: RestartPolicy;

  constructor(policy: RestartPolicy) {
    this.policy = policy;
  }

  send(event: ServiceEvent): void {
    const before = this.state;
    const { state, effects } = step(before, event, { policy: this.policy, now: this.now });
    if (
      event.type === "renew" || event.type === "restart" &&
        ["idle", "standby", "up", "stopping", "backoff", "away", "failed"].includes(before.actual)
    ) {
      this.restarts = [];
    }
    if (event.type === "adopted" && before.actual === "idle") this.process = "running";
    this.state = state;
    for (const effect of effects) this.#perform(effect);
    this.#check(before, event);
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "start":
        assert.ok(
          this.process === "none" || this.process === "standby",
          `start beside a ${this.process} copy`,
        );
        assert.ok(!this.backoff, "start while a backoff is pending");
        this.process = "running";
        this.starts++;
        return;
      case "start_standby":
        assert.equal(this.process, "none");
        this.process = "standby";
        return;
      case "warm":
      case "watch":
        return assert.equal(this.process, "running", effect.do);
      case "terminate":
        assert.ok(this.process === "running" || this.process === "standby", `terminate of ${this.process}`);
        this.process = "ending";
        return;
      case "look":
        assert.equal(this.process, "running");
        return assert.ok(effect.afterMs >= 0 && effect.afterMs <= this.policy.backoff.maxMs);
      case "wait_backoff":
        assert.equal(this.process, "none");
        assert.ok(!this.backoff && effect.ms > 0);
        this.backoff = true;
        return;
      case "cancel_backoff":
        assert.ok(this.backoff, "there is a backoff to cancel");
        this.backoff = false;
        return;
      case "tell_fault":
        if (effect.verdict.kind === "restart") {
          assert.ok(effect.verdict.attempt >= 1 && effect.verdict.attempt <= this.policy.maxRestarts);
          assert.ok(effect.verdict.delayMs >= 0 && effect.verdict.delayMs <= this.policy.backoff.maxMs);
          this.restarts.push(this.now);
        }
        return;
      case "settle":
        for (; this.waiting > 0; this.waiting--) this.settled.push(effect.as);
        if (effect.as === "up") assert.equal(this.state.actual, "up");
        if (effect.as === "failed") assert.ok(this.state.actual === "failed" || this.state.actual === "away");
        if (effect.as === "down") assert.equal(this.state.actual, "idle");
    }
  }

  #check(before: ServiceState, event: ServiceEvent): void {
    const { actual, desired } = this.state;
    const told = `${before.actual} --${event.type}--> ${actual}`;
    const has = {
      idle: "none",
      failed: "none",
      backoff: "none",
      standby: "standby",
      starting: "running",
      warming: "running",
      up: "running",
      away: "running", // it is somebody's process
      stopping: "ending",
    } as const;
    assert.equal(this.process, has[actual], told);
    assert.equal(this.backoff, actual === "backoff", told);
    if (desired === "down") assert.ok(["idle", "standby", "stopping"].includes(actual), told);
    if (event.type === "gone" && before.actual === "stopping" && before.desired === "down") {
      assert.equal(actual, "idle");
    }
    if (actual === "failed" || actual === "backoff") assert.notEqual(this.policy.type, "watch", told);
    if (actual === "away") assert.equal(this.policy.type, "watch", told);
    if (before.actual === "failed" && actual !== "failed") {
      assert.ok(["restart", "renew", "stop"].includes(event.type), told);
    }
    const { maxRestarts, windowMs, type } = this.policy;
    const counted = this.restarts.filter((at) => this.now - at < windowMs).length;
    assert.ok(counted <= maxRestarts, `${counted} restarts in the window, ${maxRestarts} are allowed`);
    if (type === "never") assert.equal(this.restarts.length, 0);
    assert.ok(this.state.restarts.length <= maxRestarts, "what is remembered is bounded");
  }

  /** What `Supervisor` does: it answers at once when nothing is left to be done. */
  ask(type: "start" | "stop" | "restart" | "renew"): void {
    if (type === "start" && this.state.actual === "up") return void this.settled.push("up");
    const lost = this.state.actual === "failed" || this.state.actual === "away";
    if (type === "start" && lost) return void this.settled.push("failed");
    this.waiting++;
    this.send({ type });
  }

  /** All that was begun comes to its end, without a further fault. */
  finish(): void {
    for (let i = 0; i < 20; i++) {
      if (this.state.actual === "starting") this.send({ type: "ready" });
      else if (this.state.actual === "warming") this.send({ type: "warmed" });
      else if (this.state.actual === "stopping") {
        this.process = "none";
        this.send({ type: "gone" });
      } else if (this.state.actual === "backoff") {
        this.backoff = false;
        this.send({ type: "backoff_over" });
      }
    }
  }
}

const policies: fc.Arbitrary<RestartPolicy> = fc.record({
  type: fc.constantFrom("on-failure" as const, "always" as const, "never" as const, "watch" as const),
  maxRestarts: fc.nat({ max: 4 }),
  windowMs: fc.constantFrom(1, 1000, 600_000),
  backoff: fc.record({
    initialMs: fc.constantFrom(0, 1, 500),
    factor: fc.constantFrom(1, 1.5, 2, 10),
    maxMs: fc.constantFrom(0, 500, 30_000),
  }),
  noRestartExitCodes: fc.constantFrom([], [7], [0, 7]),
});

const faults: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    kind: fc.constant("exited" as const),
    status: fc.constantFrom({ code: 0, signal: null }, { code: 1, signal: null }, { code: 7, signal: null }, {
      code: null,
      signal: "SIGKILL",
    }),
    afterMs: fc.nat({ max: 1000 }),
    beforeReady: fc.boolean(),
    lastLines: fc.constant<string[]>([]),
    background: fc.constantFrom(null, "pid 5 (mosquitto -d)"),
  }),
  fc.constant({ kind: "spawn_failed" as const, reason: "no such file" }),
  fc.constant<Fault>({ kind: "not_ready", timeoutMs: 1000, detail: "503", lastLines: [] }),
  fc.constant({ kind: "warmup_failed" as const, detail: "500" }),
  fc.constant({ kind: "unhealthy" as const, failures: 3, detail: "no answer" }),
);

type Move =
  | { do: "ask"; type: "start" | "stop" | "restart" | "renew" }
  | { do: "prepare" | "ready" | "warmed" | "gone" | "backoff_over" | "adopted" }
  | { do: "fault"; fault: Fault }
  | { do: "wait"; ms: number };

const moves: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom("start", "stop", "restart", "renew").map((
      type,
    ) => ({ do: "ask", type } as Move)),
  },
  {
    weight: 9,
    arbitrary: fc.constantFrom("prepare", "ready", "warmed", "gone", "gone", "backoff_over", "adopted").map((
      name,
    ) => ({ do: name } as Move)),
  },
  { weight: 4, arbitrary: faults.map((fault) => ({ do: "fault", fault } as Move)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, 999, 1000, 599_999, 600_000).map((ms) => ({ do: "wait", ms } as Move)),
  },
);

function play(world: World, move: Move): void {
  if (move.do === "wait") world.now += move.ms;
  else if (move.do === "ask") world.ask(move.type);
  else if (move.do === "fault") world.send({ type: "fault", fault: move.fault });
  else if (move.do === "gone") {
    if (world.process !== "ending") return; // nobody tells of an end that nobody waits for
    world.process = "none";
    world.send({ type: "gone" });
  } else if (move.do === "backoff_over") {
    if (!world.backoff) return;
    world.backoff = false;
    world.send({ type: "backoff_over" });
  } else if (move.do === "adopted") {
    if (world.process === "none") world.send({ type: "adopted" });
  } else world.send({ type: move.do }); // also late and double ones
}

Deno.test("step() keeps one copy, one backoff and the policy's limits, whatever happens", () => {
  fc.assert(
    fc.property(policies, fc.array(moves, { maxLength: 60 }), (policy, sequence) => {
      const world = new World(policy);
      for (const move of sequence) play(world, move);
    }),
    { numRuns },
  );
});

Deno.test("step() settles everybody who waits, as soon as the world answers", () => {
  fc.assert(
    fc.property(policies, fc.array(moves, { maxLength: 40 }), (policy, sequence) => {
      const world = new World(policy);
      for (const move of sequence) play(world, move);
      world.finish();
      assert.equal(world.waiting, 0, `left waiting in ${world.state.actual}`);
      assert.ok(["idle", "standby", "up", "away", "failed"].includes(world.state.actual), "all is at rest");
      if (world.state.desired === "up") assert.ok(["up", "away", "failed"].includes(world.state.actual));
    }),
    { numRuns },
  );
});

Deno.test("step() never ends up with a copy after a stop was the last word", () => {
  fc.assert(
    fc.property(
      policies,
      fc.array(moves, { maxLength: 40 }),
      fc.array(faults, { maxLength: 3 }),
      (policy, sequence, late) => {
        const world = new World(policy);
        for (const move of sequence) play(world, move);
        world.ask("stop");
        for (const fault of late) world.send({ type: "fault", fault });
        world.finish();
        assert.equal(world.state.actual, "idle");
        assert.equal(world.process, "none");
        assert.equal(world.settled.at(-1), "down");
      },
    ),
    { numRuns },
  );
});

Deno.test("step() answers ten restarts at once with one fresh copy, from every state", () => {
  fc.assert(
    fc.property(policies, fc.array(moves, { maxLength: 40 }), (policy, sequence) => {
      const world = new World(policy);
      for (const move of sequence) play(world, move);
      const before = world.starts;
      for (let i = 0; i < 10; i++) world.ask("restart");
      world.finish();
      assert.equal(world.state.actual, "up");
      assert.ok(world.starts - before <= 1, `${world.starts - before} copies were started`);
      assert.deepEqual(world.settled.slice(-10), Array(10).fill("up"));
    }),
    { numRuns },
  );
});

Deno.test("step() answers ten renewals at once with one copy that was started after them, from every state", () => {
  fc.assert(
    fc.property(policies, fc.array(moves, { maxLength: 40 }), (policy, sequence) => {
      const world = new World(policy);
      for (const move of sequence) play(world, move);
      const before = world.starts;
      for (let i = 0; i < 10; i++) world.ask("renew");
      const begun = world.starts - before;
      world.finish();
      assert.equal(world.state.actual, "up");
      // From where nothing ran the first one starts it, and the next would end it again: who asks does so once.
      if (begun === 0) assert.equal(world.starts - before, 1);
      assert.deepEqual(world.settled.slice(-10), Array(10).fill("up"));
    }),
    { numRuns },
  );
});

Deno.test("step() forgets restarts after the window, and then tries as often again", () => {
  fc.assert(
    fc.property(
      policies.filter(({ type, maxRestarts }) => type !== "never" && type !== "watch" && maxRestarts > 0),
      fc.integer({ min: 1, max: 3 }),
      (policy, rounds) => {
        const world = new World(policy);
        const crash: Fault = { kind: "unhealthy", failures: 3, detail: "no answer" };
        for (let round = 0; round < rounds; round++) {
          world.ask(round === 0 ? "start" : "restart");
          world.finish();
          world.state.restarts.length && assert.fail("a person's restart forgets");
          for (let n = 0; n < policy.maxRestarts; n++) {
            world.send({ type: "fault", fault: crash });
            world.finish();
            assert.equal(world.state.actual, "up", "within its limits it is started again");
          }
          world.now += policy.windowMs; // healthy for the whole window: the sliding window is empty
          world.send({ type: "fault", fault: crash });
          world.finish();
          assert.equal(world.state.actual, "up");
          for (let n = 1; n < policy.maxRestarts; n++) {
            world.send({ type: "fault", fault: crash });
            world.finish();
          }
          world.send({ type: "fault", fault: crash });
          world.finish();
          assert.equal(world.state.actual, "failed", "one more than allowed within the window");
        }
      },
    ),
    { numRuns: Math.min(numRuns, 500) },
  );
});

Deno.test("P5: step() looks for what is not ours to restart for as long as it is away, and warms it again", () => {
  fc.assert(
    fc.property(policies, fc.array(faults, { minLength: 1, maxLength: 40 }), (policy, all) => {
      const world = new World({ ...policy, type: "watch" });
      world.ask("start");
      for (const fault of all) world.send({ type: "fault", fault });
      assert.equal(world.state.actual, "away");
      world.send({ type: "ready" });
      assert.equal(world.state.actual, "warming");
      world.send({ type: "warmed" });
      assert.equal(world.state.actual, "up");
      assert.equal(world.starts, 1, "nothing was started for it");
    }),
    { numRuns: Math.min(numRuns, 500) },
  );
});

Deno.test("nextLoaderState() makes only the transitions of the specification", () => {
  const allowed = new Set([
    "INIT>PRECHECK",
    "PRECHECK>STARTING",
    "STARTING>RUNNING_ALL",
    "STARTING>DEGRADED",
    "RUNNING_ALL>SYSTEM_READY",
    "RUNNING_ALL>DEGRADED",
    "SYSTEM_READY>DEGRADED",
    "DEGRADED>RUNNING_ALL",
    "STOPPING>STOPPED",
    ...["INIT", "PRECHECK", "STARTING", "RUNNING_ALL", "SYSTEM_READY", "DEGRADED"].map((from) =>
      `${from}>STOPPING`
    ),
  ]);
  const all: LoaderEvent[] = ["precheck", "start", "all_up", "system_ready", "lost", "stop", "stopped"];
  const events = fc.constantFrom(...all);
  fc.assert(
    fc.property(fc.array(events, { maxLength: 30 }), (sequence) => {
      let state: LoaderState = "INIT";
      let stopping = false;
      for (const event of sequence) {
        const next: LoaderState = nextLoaderState(state, event);
        if (next !== state) assert.ok(allowed.has(`${state}>${next}`), `${state} --${event}--> ${next}`);
        stopping ||= event === "stop";
        if (stopping) assert.ok(next === "STOPPING" || next === "STOPPED", "nothing comes back from a stop");
        if (next === "SYSTEM_READY" && state !== next) assert.equal(state, "RUNNING_ALL");
        state = next;
      }
    }),
    { numRuns },
  );
  const states = [...new Set([...allowed].flatMap((pair) => pair.split(">")))] as LoaderState[];
  const made = states.flatMap((from) =>
    all.map((event) => nextLoaderState(from, event)).filter((to) => to !== from).map((to) => `${from}>${to}`)
  );
  assert.deepEqual([...new Set(made)].sort(), [...allowed].sort(), "and each of them is made");
});
