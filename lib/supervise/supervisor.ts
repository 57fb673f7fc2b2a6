/**
 * One service under supervision: feeds its machine one event at a time and performs the effects. Spec: §6.
 *
 * It is the only writer of the service's state. Whatever waits (readiness, warm-up, liveness, backoff) belongs to one
 * activity that is aborted before anything else is done to the service, so a late result of an old activity is never
 * taken for the new one's.
 */
import type { ServiceFact, Stage } from "../model/events.ts";
import type { Fault, Verdict } from "../model/states.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { isBlind } from "../sys/process/procfs.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { StopReport } from "../model/reports.ts";
import type { ServiceCopy } from "../services/service_process.ts";
import type { Household, ManagedService } from "../services/mod.ts";
import { isAbort } from "../sys/clock.ts";
import { ExtendableDeadline } from "./deadline.ts";
import { KeepWarm } from "./keep_warm.ts";
import { CpuUse, watchLiveness } from "./liveness.ts";
import { type Effect, initialState, type ServiceEvent, type ServiceState, step } from "./service_machine.ts";

/** Who decides something between the stages of a unit. */
export interface UnitHooks {
  /** Called before each start; a rejected promise is a failed start with this reason (admission of GPU memory). */
  beforeStart?(unit: Unit, signal: AbortSignal): Promise<void>;
  /** Called when ready and warmed, before it counts as up; a fault it returns sends it to the restart policy. */
  beforeUp?(unit: Unit, signal: AbortSignal): Promise<Fault | null>;
  /** Called after each look at its processes. */
  looked?(): void;
  /** Called right before each stop, while what is to be stopped may still be there. */
  beforeStop?(unit: Unit): void;
  /** Called after each stop, before anything is started again. */
  afterStop?(unit: Unit): Promise<void>;
  /** Signs of work that the loader knows of (GPU use), for liveness. */
  signOfWork?(unit: Unit): string | null;
}

export interface UnitOptions {
  household: Household;
  hooks: UnitHooks;
  pollMaxMs: number;
  /** When history says it will be ready after its start, ms. */
  expectedReadyMs: number | null;
}

const progressEveryMs = 10_000;

export class Unit {
  readonly service: ManagedService;
  readonly plan: ServicePlan;
  #o: UnitOptions;
  #state: ServiceState = initialState;
  #queue: ServiceEvent[] = [];
  #busy = false;
  #activity = new AbortController();
  #backoff: Disposable | null = null;
  #waiters: ((as: "up" | "failed" | "down") => void)[] = [];
  #hurry = new AbortController();
  #tasks = new Set<Promise<void>>();
  #prepareActivity = new AbortController();
  #retired = false;

  /** From the spawn of its copy (of one that stood by: its release) to ready, ms; null before, and of one taken over. */
  readyMs: number | null = null;
  /** Monotonic ms at which it was last up (past its gate); null before. */
  upAt: number | null = null;
  /** How often it was started again by the policy or a person since the loader runs. */
  restartCount = 0;
  /** Why the policy gave it up; null while it did not. */
  givenUpWhy: string | null = null;
  /** Since when an external service does not answer; null while it does. */
  awaySince: Date | null = null;
  /** What is still missing for readiness, in words. */
  waitingFor: string | null = null;
  /** Of what is missing, what cannot come right by waiting. */
  wrong: string | null = null;
  /** It passed its gate without an inference that worked, though one was due: nothing says that it can do its work. */
  unproved = false;
  lastStop: StopReport | null = null;
  /** Its copy was started by an earlier loader and taken over. */
  adopted = false;

  constructor(service: ManagedService, options: UnitOptions) {
    this.service = service;
    this.plan = service.plan;
    this.#o = options;
  }

  get name(): string {
    return this.plan.name;
  }
  get state(): Readonly<ServiceState> {
    return this.#state;
  }
  get isUp(): boolean {
    return this.#state.actual === "up";
  }
  /** It is not up, and nobody can say when it will be: given up, or away. */
  get isLost(): boolean {
    return this.#state.actual === "failed" || this.#state.actual === "away";
  }
  get clock() {
    return this.#o.household.clock;
  }

  /** Starts it; resolves when it is past its gate (true), given up or stopped (false). */
  async start(): Promise<boolean> {
    if (this.#state.actual === "up") return true;
    if (this.isLost) return false;
    const settled = this.#settled();
    this.#dispatch({ type: "start" });
    return await settled === "up";
  }

  /** Starts a fresh copy on demand, once, however many ask at the same time. */
  async restart(): Promise<boolean> {
    const settled = this.#settled();
    this.#dispatch({ type: "restart" });
    return await settled === "up";
  }

  /** Stops it; resolves when its last process is gone. `hurry` aborted: without grace. */
  async stop(hurry?: AbortSignal): Promise<StopReport | null> {
    const onHurry = () => this.#hurry.abort();
    hurry?.addEventListener("abort", onHurry, { once: true });
    if (hurry?.aborted) onHurry();
    const settled = this.#settled();
    this.#dispatch({ type: "stop" });
    await settled;
    hurry?.removeEventListener("abort", onHurry);
    return this.lastStop;
  }

  /** Resolves when a start that is under way or yet to come has ended; true when it is up. */
  async settles(): Promise<boolean> {
    return await this.#settled() === "up";
  }

  /** Starts a standby copy ahead of its turn, if one is configured. */
  prepare(): void {
    if (this.plan.prepare.standby && !this.service.external) this.#dispatch({ type: "prepare" });
  }

  /** Takes a copy of an earlier loader over. */
  adopt(): void {
    this.adopted = true;
    if (this.service.copy) this.#followExit(this.service.copy);
    this.#dispatch({ type: "adopted" });
  }

  /** Resolves when nothing that this unit began is under way any more. */
  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #settled(): Promise<"up" | "failed" | "down"> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** Everything is being stopped: from now on nothing of it is started again. What runs waits for its turn to stop. */
  retire(): void {
    this.#retired = true;
    const { actual } = this.#state;
    if (actual === "backoff" || actual === "stopping") this.#dispatch({ type: "stop" });
  }

  #dispatch(event: ServiceEvent): void {
    this.#queue.push(this.#retired && event.type === "fault" ? { type: "stop" } : event);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const before = this.#state.actual;
      const { state, effects } = step(this.#state, next, {
        policy: this.plan.restart,
        now: this.clock.now(),
      });
      this.#state = state;
      for (const effect of effects) this.#perform(effect);
      const { actual, desired } = state;
      if (actual !== before) this.#emit({ fact: "state", from: before, to: actual, desired });
    }
    this.#busy = false;
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "start":
        return this.#task((signal) => this.#start(signal));
      case "start_standby":
        return this.#task((signal) => this.#standby(signal));
      case "warm":
        return this.#task((signal) => this.#warm(signal));
      case "watch":
        this.upAt = this.clock.now();
        this.#tellBack();
        return this.#task((signal) => this.#watch(signal));
      case "terminate":
        this.#activity.abort(new DOMException(`${this.name} is being stopped`, "AbortError"));
        return this.#background(this.#terminate());
      case "look":
        return this.#task((signal) => this.#look(signal, effect.afterMs));
      case "wait_backoff":
        return this.#waitBackoff(effect.ms);
      case "cancel_backoff":
        this.#backoff?.[Symbol.dispose]();
        this.#backoff = null;
        return;
      case "tell_fault":
        return this.#tellFault(effect.fault, effect.verdict);
      case "settle": {
        const waiters = this.#waiters;
        this.#waiters = [];
        for (const resolve of waiters) resolve(effect.as);
        return;
      }
    }
  }

  /** Runs an activity in the place of the one before; its failure other than by abort is a fault of the service. */
  #task(run: (signal: AbortSignal) => Promise<void>): void {
    this.#activity.abort(new DOMException("the next stage begins", "AbortError"));
    const { signal } = this.#activity = new AbortController();
    this.#background(
      run(signal).catch((error) => {
        if (isAbort(error, signal)) return;
        const refused = error instanceof LoaderError && error.code === "vram_short";
        this.#fault(signal, { kind: refused ? "refused" : "spawn_failed", reason: reasonOf(error) });
      }),
    );
  }

  #background(promise: Promise<void>): void {
    this.#tasks.add(promise);
    promise.finally(() => this.#tasks.delete(promise));
  }

  /** An event of an activity; dropped when the activity is over. */
  #report(signal: AbortSignal, event: ServiceEvent): void {
    if (!signal.aborted) this.#dispatch(event);
  }

  #fault(signal: AbortSignal, fault: Fault): void {
    this.#report(signal, { type: "fault", fault });
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { service, plan, clock } = this;
    this.#hurry = new AbortController();
    this.#prepareActivity.abort();
    this.readyMs = this.upAt = null;
    this.adopted = false;
    this.givenUpWhy = null;
    this.waitingFor = this.wrong = null;
    await this.#o.hooks.beforeStart?.(this, signal);
    signal.throwIfAborted();
    const standby = service.copy;
    if (service.boundEarly) this.#emit({ fact: "bound_early" });
    const began = clock.now();
    this.#stage("start");
    await service.start(signal);
    signal.throwIfAborted();
    const released = standby !== null && service.copy === standby; // else it had died, and a fresh copy runs
    this.#stageOver("start");
    this.#stage("ready");
    this.#emit({ fact: "started", pid: service.pid(), released });
    if (service.copy && !released) this.#followExit(service.copy);

    using limit = new ExtendableDeadline(clock, plan.readyTimeout.value, plan.readyTimeout.progressing);
    limit.onExpired(() =>
      this.#fault(signal, {
        kind: "not_ready",
        timeoutMs: limit.limitMs,
        detail: this.waitingFor ?? "not asked yet",
        lastLines: service.relay.lastLines(3),
      })
    );
    using _extend = service.copy?.onExtend((ms) => limit.extend(ms));
    using _progress = this.#tellProgress(began, limit);
    let told = false;
    const result = await service.awaitReady({
      signal,
      pollMaxMs: this.#o.pollMaxMs,
      expectedMs: this.#o.expectedReadyMs,
      onProgress: () => limit.progress(),
      onWaiting: (detail) => this.waitingFor = detail,
      onWrong: (detail) => {
        this.wrong = detail;
        if (detail !== null && !told) this.#emit({ fact: "wrong", detail });
        told = true;
      },
    });
    if (result.state === "wrong") {
      return this.#fault(signal, {
        kind: "wrong",
        detail: result.detail,
        lastLines: service.relay.lastLines(3),
      });
    }
    // What answered has left its leader behind: its end is about to be told, and says more.
    if (service.copy?.running === false) return;
    this.#stageOver("ready");
    this.readyMs = clock.now() - began;
    this.#emit({ fact: "ready", ms: this.readyMs });
    this.waitingFor = this.wrong = null;
    this.#report(signal, { type: "ready" });
  }

  /** Looks for an external service that is away, at the pace of its health checks, until it answers. */
  async #look(signal: AbortSignal, afterMs: number): Promise<void> {
    const { service, plan, clock } = this;
    this.readyMs = this.upAt = null;
    await clock.sleep(afterMs, signal);
    while (!await service.isReady(signal)) await clock.sleep(plan.health.intervalMs, signal);
    this.#report(signal, { type: "ready" });
  }

  #followExit(copy: ServiceCopy): void {
    // Nothing waits for it: what even SIGKILL does not end may never exit.
    void copy.exited.then((status) => {
      if (this.service.copy !== copy) return;
      // It died in the moment of its release: the start goes on without it.
      if (copy.held && this.#state.actual === "starting") return;
      this.#dispatch({
        type: "fault",
        fault: {
          kind: "exited",
          status,
          afterMs: this.clock.now() - copy.spawnedAt,
          beforeReady: this.upAt === null,
          lastLines: this.service.relay.lastLines(3),
          background: status.code === 0 ? copy.leftBehind : null,
        },
      });
    });
  }

  #tellProgress(began: number, limit: ExtendableDeadline): Disposable {
    let timer: Disposable;
    const arm = () => {
      timer = this.clock.after(progressEveryMs, () => {
        this.#emit({
          fact: "waiting",
          waitedMs: this.clock.now() - began,
          limitMs: limit.limitMs,
          missing: this.waitingFor,
          lastOutput: this.service.copy?.statusText ?? this.service.relay.lastLines(1)[0] ?? null,
        });
        arm();
      });
    };
    arm();
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
  }

  async #standby(_signal: AbortSignal): Promise<void> {
    // Not the stage's own signal: the preparation may go on into the next stage, the release ends it.
    const { signal } = this.#prepareActivity = new AbortController();
    const beganAt = this.clock.now();
    this.#stage("prepare");
    const report = this.service.prepareAsync(signal);
    if (this.service.copy) this.#followExit(this.service.copy);
    const prepared = await report;
    this.#stageOver("prepare");
    // One that was stopped or died meanwhile is told of as that.
    const { actual } = this.#state;
    if (prepared.kind === "none" || actual === "stopping" || actual === "idle") return;
    this.#emit({ fact: "prepared", report: prepared, beganAt });
  }

  async #warm(signal: AbortSignal): Promise<void> {
    const { warmup } = this.plan;
    this.unproved = warmup.kind !== "none" || warmup.warn;
    if (warmup.kind === "none") {
      if (warmup.warn) this.#emit({ fact: "no_warmup", why: warmup.why });
    } else {
      this.#stage("warmup");
      const result = await this.service.warm(signal);
      signal.throwIfAborted();
      this.#stageOver("warmup");
      this.#emit({ fact: "warmup", result, required: warmup.required });
      if (result.state === "warmed") this.unproved = false;
      if (result.state === "failed" && warmup.required) {
        return this.#fault(signal, { kind: "warmup_failed", detail: result.detail });
      }
    }
    this.#remember();
    const fault = await this.#o.hooks.beforeUp?.(this, signal);
    signal.throwIfAborted();
    if (fault) this.#fault(signal, fault);
    else this.#report(signal, { type: "warmed" });
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { service, plan, clock } = this;
    const proved = !this.unproved;
    const warmth = new KeepWarm(service, {
      clock,
      required: plan.warmup.required,
      emit: (fact) => this.#emit(fact),
    });
    const cpu = plan.health.busy.cpu ? new CpuUse(clock, () => service.copy?.cpuTicks() ?? 0) : null;
    const signOfWork = (since: number): string | null => {
      const { copy } = service;
      if (copy?.watchdogAt && copy.watchdogAt > since) return "WATCHDOG=1 received";
      if (copy && copy.inFlight > 0) return `${copy.inFlight} in flight, as it reported`;
      return this.#o.hooks.signOfWork?.(this) ?? (cpu?.advances() ? "its CPU time advances" : null);
    };
    const checkHealth = async (signal: AbortSignal) => {
      this.#remember();
      const result = await service.checkHealth(signal);
      if (result.state !== "ready") return result;
      const kept = await warmth.check(signal);
      if (proved) this.unproved = warmth.cold;
      // What it did before it answered is no sign of work afterwards.
      cpu?.forget();
      return kept;
    };
    const fault = await watchLiveness({ checkHealth, signOfWork }, {
      health: plan.health,
      clock,
      signal,
      onBusy: (why) => this.#emit({ fact: "busy", why }),
      onUnasked: (why) => this.#emit({ fact: "unasked", why }),
    });
    this.#fault(signal, fault);
  }

  /** Who is of it now is known from now on, also when its parent is not there to tell. */
  #remember(): void {
    if (isBlind()) return; // who cannot be seen has not gone
    this.service.copy?.remember();
    this.#o.hooks.looked?.();
  }

  async #terminate(): Promise<void> {
    const { fault } = this.#state;
    const copy = this.service.copy;
    const ended = copy?.status !== null;
    this.#o.hooks.beforeStop?.(this);
    const report = this.lastStop = await this.service.stop(undefined, this.#hurry.signal);
    const known = !copy || (ended && fault?.kind === "exited" && !report.killed);
    this.#emit({ fact: "stopped", report, known });
    await this.#o.hooks.afterStop?.(this);
    if (report.stuck) this.givenUpWhy = "it could not be stopped";
    this.#dispatch({ type: "gone", stuck: report.stuck });
  }

  #waitBackoff(ms: number): void {
    this.#stage("backoff");
    this.#backoff = this.clock.after(ms, () => {
      this.#stageOver("backoff");
      this.#backoff = null;
      this.#dispatch({ type: "backoff_over" });
    });
  }

  #tellFault(fault: Fault, verdict: Verdict): void {
    if (verdict.kind === "restart") this.restartCount++;
    this.wrong = null; // what happened says more
    this.givenUpWhy = verdict.kind === "give_up" ? verdict.why : null;
    if (verdict.kind === "look_again") this.awaySince ??= this.clock.wall();
    this.#emit({ fact: "fault", fault, verdict, awaySince: this.awaySince });
  }

  #tellBack(): void {
    if (this.awaySince === null) return;
    this.#emit({ fact: "back", awayMs: this.clock.wall().getTime() - this.awaySince.getTime() });
    this.awaySince = null;
  }

  #stage(stage: Stage): void {
    this.#emit({ fact: "stage_begun", stage });
  }

  #stageOver(stage: Stage): void {
    this.#emit({ fact: "stage_over", stage });
  }

  #emit(fact: ServiceFact): void {
    this.#o.household.emit({ ...fact, service: this.name });
  }
}
