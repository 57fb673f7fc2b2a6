/** A service that does what the test says, when the test says it: for the interpreter of the machine, under a FakeClock. */
import type { Actual, ExitStatus, Fault } from "../../lib/model/states.ts";
import assert from "node:assert/strict";
import type { Observer } from "../../lib/model/events.ts";
import { Log } from "../../lib/log/mod.ts";
import type { Role, ServicePlan } from "../../lib/model/plan.ts";
import type { ProbeResult, WaitResult } from "../../lib/probes/mod.ts";
import { sentences } from "../../lib/supervise/sentences.ts";
import type { SupervisorHooks } from "../../lib/supervise/hooks.ts";
import { Supervisor } from "../../lib/supervise/supervisor.ts";
import type { PrepareReport, StopReport } from "../../lib/model/reports.ts";
import type { ServiceContext } from "../../lib/services/mod.ts";
import type { ReadyOptions, Supervised, SupervisedCopy } from "../../lib/services/supervised.ts";
import type { ProcessStat } from "../../lib/sys/process/procfs.ts";
import type { WarmupResult } from "../../lib/warmups/mod.ts";
import { FakeClock } from "./fake_clock.ts";

/** A plan with small, round figures; `patch` overrides. */
export function servicePlan(name: string, patch: Partial<ServicePlan> = {}): ServicePlan {
  const roles: Role[] = ["kwd", "stt", "llm", "tts"];
  return {
    name,
    tag: name.toUpperCase(),
    role: roles.find((role) => role === name) ?? "other",
    manage: "spawn",
    argv: ["sh", "-c", "exit 0"],
    env: {},
    workdir: "/",
    bindPort: null,
    readiness: [{ type: "notify" }],
    readyTimeout: { value: 20_000, from: "test" },
    health: {
      probes: [],
      intervalMs: 5000,
      timeoutMs: 1000,
      failures: 3,
      busy: { cpu: false, limitMs: 60_000 },
    },
    warmup: { kind: "exec", cmd: ["true"], timeoutMs: 1000, runs: 1, required: true },
    prepare: { files: false, standby: false, globs: [], tokenizers: false },
    restart: {
      type: "on-failure",
      maxRestarts: 3,
      windowMs: 600_000,
      backoff: { initialMs: 2000, factor: 2, maxMs: 30_000 },
      noRestartExitCodes: [],
    },
    graceMs: 5000,
    stopSignal: "SIGTERM",
    gpu: "none",
    vramMb: null,
    control: { kind: "none" },
    engine: { backend: null, server: null, model: null },
    ...patch,
  };
}

/** A log that keeps its lines as "TAG LEVEL message". */
export function memoryLog(clock: FakeClock): { log: Log; lines: string[] } {
  const log = new Log({ dir: null, console: null, clock });
  const lines: string[] = [];
  log.observe(({ tag, level, message }) => lines.push(`${tag} ${level} ${message}`));
  return { log, lines };
}

/** One copy of a fake service. */
export class FakeCopy implements SupervisedCopy {
  readonly pid: number;
  readonly pgid: number;
  readonly startTime = 1;
  readonly boot = "boot";
  readonly spawnedAt: number;
  held: boolean;
  status: ExitStatus | null = null;
  statusText: string | null = null;
  watchdogAt: number | null = null;
  inFlight = 0;
  ticks = 0;
  leftBehind: string | null = null;
  #exited = Promise.withResolvers<ExitStatus>();
  #extend = new Set<(ms: number) => void>();
  #sign = new Set<() => void>();
  #prepared = Promise.withResolvers<string | null>();

  constructor(pid: number, spawnedAt: number, held: boolean) {
    this.pid = this.pgid = pid;
    this.spawnedAt = spawnedAt;
    this.held = held;
  }

  get exited(): Promise<ExitStatus> {
    return this.#exited.promise;
  }
  get running(): boolean {
    return this.status === null;
  }
  get preparing(): Promise<string | null> {
    return this.#prepared.promise;
  }
  /** It says X_ALEXA_PREPARED=1. */
  prepared(): void {
    this.#prepared.resolve(null);
  }
  /** It ends by itself. */
  exit(code: number | null, signal: string | null = null): void {
    this.status ??= { code, signal };
    this.#exited.resolve(this.status);
    this.#prepared.resolve("ended before it was prepared");
  }
  /** It sends EXTEND_TIMEOUT_USEC. */
  extend(ms: number): void {
    for (const fn of this.#extend) fn(ms);
  }
  onExtend(fn: (ms: number) => void): Disposable {
    this.#extend.add(fn);
    return { [Symbol.dispose]: () => void this.#extend.delete(fn) };
  }
  /** It prints or notifies something. */
  sign(): void {
    for (const fn of this.#sign) fn();
  }
  onActivity(fn: () => void): Disposable {
    this.#sign.add(fn);
    return { [Symbol.dispose]: () => void this.#sign.delete(fn) };
  }
  cpuTicks(): number {
    return this.ticks;
  }
  /** Its processes, as far as a test has any. */
  members: ProcessStat[] = [];
  living(): ProcessStat[] {
    return this.members;
  }
  processTree(): ReadonlySet<number> {
    return new Set(this.members.map(({ pid }) => pid));
  }
  remember(): void {}
}

/** Resolves as `promise`, or rejects with the signal's reason. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", onAbort));
}

/** Asserts that there never are two copies. */
export class FakeService implements Supervised {
  plan: ServicePlan;
  readonly name: string;
  readonly boundEarly = false;
  readonly external: boolean;
  /** What it printed. */
  output: string[] = [];
  copies: FakeCopy[] = [];
  copy: FakeCopy | null = null;
  calls: string[] = [];
  /** What its probes say that waiting does not mend; null: nothing. */
  wrong: string | null = null;
  /** Answers of the health probes; by default it is well. */
  health: (signal: AbortSignal) => ProbeResult | Promise<ProbeResult> = () => ({
    state: "ready",
    detail: "ok",
  });
  /** Answers the warm-up; null: it waits until the test says `warmed()`. */
  warmup: (() => WarmupResult) | null = () => ({ state: "warmed", ms: 30 });
  /** Thrown by the next spawn. */
  spawnError: Error | null = null;
  /** Set: a stop waits for `letGo()`. */
  holdsOn = false;
  #clock: FakeClock;
  #ready = Promise.withResolvers<void>();
  #warm = Promise.withResolvers<WarmupResult>();
  #letGo = Promise.withResolvers<void>();

  constructor(plan: ServicePlan, clock: FakeClock) {
    this.plan = plan;
    this.name = plan.name;
    this.external = plan.manage === "external";
    this.#clock = clock;
  }

  replan(plan: ServicePlan): void {
    this.plan = plan;
  }
  get starts(): number {
    return this.copies.length;
  }
  pid(): number | null {
    return this.copy?.pid ?? null;
  }
  lastLines(n: number): string[] {
    return this.output.slice(-n);
  }
  /** Its readiness probes hold from now on. */
  ready(): void {
    this.#ready.resolve();
  }
  warmed(result: WarmupResult = { state: "warmed", ms: 30 }): void {
    this.#warm.resolve(result);
  }
  /** Its last process is gone. */
  letGo(): void {
    this.#letGo.resolve();
  }

  #spawn(held: boolean): FakeCopy {
    assert.equal(this.copy, null, `${this.name} would have two copies`);
    if (this.spawnError) {
      const error = this.spawnError;
      this.spawnError = null;
      throw error;
    }
    this.copy = new FakeCopy(100 + this.copies.length, this.#clock.now(), held);
    this.copies.push(this.copy);
    return this.copy;
  }

  /** A copy of an earlier loader, proved to be its own. */
  found(): FakeCopy {
    return this.#spawn(false);
  }

  async prepareAsync(signal: AbortSignal): Promise<PrepareReport> {
    this.calls.push("prepare");
    const began = this.#clock.now();
    const copy = this.#spawn(true);
    const problem = await orAbort(copy.preparing, signal).catch(() => "was not prepared before its turn");
    return { kind: "standby", ms: this.#clock.now() - began, bytes: null, cachedShare: null, problem };
  }

  async start(signal?: AbortSignal): Promise<void> {
    this.#ready = Promise.withResolvers();
    this.#warm = Promise.withResolvers();
    if (this.external) return;
    if (this.copy?.held && this.copy.running) {
      this.calls.push("release");
      this.copy.held = false;
      return;
    }
    if (this.copy) await this.stop(); // a standby that has died in this moment
    signal?.throwIfAborted();
    this.calls.push("start");
    this.#spawn(false);
  }

  /** For an external one that is away. */
  isReady = (_signal?: AbortSignal): Promise<boolean> => Promise.resolve(true);

  async awaitReady(o: ReadyOptions): Promise<WaitResult> {
    using _sign = this.copy?.onActivity(() => o.onProgress?.());
    o.onWaiting?.(this.wrong ?? "503, loading");
    if (this.wrong !== null) {
      o.onWrong?.(this.wrong);
      return { state: "wrong", afterMs: 10_000, detail: this.wrong };
    }
    await orAbort(this.#ready.promise, o.signal);
    return { state: "ready", afterMs: 0, detail: "200" };
  }

  async warm(signal: AbortSignal): Promise<WarmupResult> {
    this.calls.push("warm");
    return await orAbort(this.warmup ? Promise.resolve(this.warmup()) : this.#warm.promise, signal);
  }

  /** Why it is cold, in words. */
  cold: string | null = null;

  async coldBecause(signal: AbortSignal): Promise<string | null> {
    return await orAbort(Promise.resolve(this.cold), signal);
  }

  async checkHealth(signal: AbortSignal): Promise<ProbeResult> {
    this.calls.push("health");
    return await this.health(signal);
  }

  async stop(_graceSec?: number, force?: AbortSignal): Promise<StopReport> {
    this.calls.push("stop");
    const began = this.#clock.now();
    const copy = this.copy;
    if (!copy) return { ms: 0, how: null, killed: false, left: [], stuck: false };
    let killed = false;
    if (this.holdsOn) {
      const signal = force ?? new AbortController().signal;
      await orAbort(this.#letGo.promise, signal).catch(() => void (killed = true));
      this.#letGo = Promise.withResolvers();
    }
    copy.exit(killed ? null : 0, killed ? "SIGKILL" : null);
    this.copy = null;
    const { code, signal } = copy.status!;
    return { ms: this.#clock.now() - began, how: signal ?? `exit ${code}`, killed, left: [], stuck: false };
  }
}

/** What services of a test share; `patch` overrides. */
export function testContext(patch: Partial<ServiceContext> & Pick<ServiceContext, "clock">): ServiceContext {
  return {
    bootId: "boot",
    log: new Log({ dir: null, console: null, clock: patch.clock }),
    emit() {},
    environment: {},
    runtimeDir: "/nowhere",
    keep: null,
    resolve: (argv) => [...argv],
    onSpawned() {},
    seen() {},
    onGone() {},
    commands: { onSpawned() {}, onGone() {} },
    ...patch,
  };
}

export interface FakeUnit {
  supervisor: Supervisor;
  service: FakeService;
  clock: FakeClock;
  log: Log;
  lines: string[];
  /** States in the order in which they were entered. */
  states: Actual[];
}

/** A supervisor around a fake service. `observe` is told of its facts besides the recording of states, and may fail the test. */
export function fakeSupervisor(
  patch: Partial<ServicePlan> = {},
  o: { name?: string; clock?: FakeClock; hooks?: SupervisorHooks; observe?: Observer } = {},
): FakeUnit {
  const clock = o.clock ?? new FakeClock();
  const { log, lines } = memoryLog(clock);
  const service = new FakeService(servicePlan(o.name ?? "stt", patch), clock);
  const states: Actual[] = [];
  const tell = sentences(log, () => [service.plan]);
  const supervisor = new Supervisor(service, {
    clock,
    emit: (fact) => {
      if (fact.fact === "state") states.push(fact.to);
      tell(fact);
      o.observe?.(fact);
    },
    hooks: o.hooks ?? {},
    pollMaxMs: 250,
    expectedReadyMs: null,
  });
  return { supervisor, service, clock, log, lines, states };
}

/** Starts it and brings it up. */
export async function bringUp({ supervisor, service, clock }: FakeUnit): Promise<void> {
  const started = supervisor.start();
  await clock.settle();
  service.ready();
  await clock.settle();
  assert.equal(await started, true);
}

/** Ends a test: stopped, and nothing is left of it. */
export async function leaveNothing({ supervisor, service, clock }: FakeUnit): Promise<void> {
  const stopped = supervisor.stop();
  await clock.settle();
  service.letGo();
  await clock.settle();
  await stopped;
  await supervisor.idle();
  assert.equal(supervisor.state.actual, "idle");
  assert.equal(service.copy, null);
  assert.equal(clock.pending, 0, "timers are left");
}

export type { Fault };
