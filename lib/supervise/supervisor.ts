/**
 * One service under supervision: feeds its machine one event at a time and performs the effects. Spec: §6.
 *
 * It is the only writer of the service's state. What waits is an activity (activities.ts), what it finds is a fact.
 */
import type { Fact, ServiceFact } from "../model/events.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { StopReport } from "../model/reports.ts";
import type { Fault, Verdict } from "../model/states.ts";
import type { Supervised, SupervisedCopy } from "../services/supervised.ts";
import type { Clock } from "../sys/clock.ts";
import { isBlind } from "../sys/process/procfs.ts";
import { Activities, overBecause } from "./activities.ts";
import { exitFault, stageFault } from "./faults.ts";
import type { SupervisorHooks } from "./hooks.ts";
import { awaitReadiness } from "./readiness.ts";
import { type Effect, initialState, type ServiceEvent, type ServiceState, step } from "./service_machine.ts";
import { Standing } from "./standing.ts";
import { warmUp } from "./warm_up.ts";
import { watchOver } from "./watch.ts";

export interface SupervisorOptions {
  clock: Clock;
  /** Tells whoever observes the boot. */
  emit(fact: Fact): void;
  hooks: SupervisorHooks;
  pollMaxMs: number;
  /** When history says it will be ready after its start, ms. */
  expectedReadyMs: number | null;
}

/** How a service stood when this program was executed by its earlier version. */
export interface KeptSupervisor {
  state: ServiceState;
  standing: Pick<Standing, Exclude<keyof Standing, "note">>;
  unproved: boolean;
  /** What is left of its backoff; null: it is in none. */
  backoffMs: number | null;
}

/** A person waits for whoever is away, and a question that nobody hears costs nothing, ms. */
const slowestLookMs = 1000;

/** `S`: what it keeps alive; whoever only supervises need not know. */
export class Supervisor<S extends Supervised = Supervised> {
  readonly service: S;
  /** What its next start brings: what runs was not started with it. */
  #next: ServicePlan | null = null;
  #o: SupervisorOptions;
  #clock: Clock;
  #state: ServiceState = initialState;
  #queue: ServiceEvent[] = [];
  #busy = false;
  #activities = new Activities();
  #backoff: Disposable | null = null;
  #backoffUntil = 0;
  #waiters: ((as: "up" | "failed" | "down") => void)[] = [];
  #force = new AbortController();
  #prepareActivity = new AbortController();
  /** Nothing of it is started again. */
  retired = false;
  #off = false;
  /** It was, until its copy that starts now. */
  wasOff = false;
  /** The sequence has come to it. */
  hadTurn = false;
  readonly standing = new Standing();
  /** It passed its gate without an inference that worked, though one was due: nothing says that it can do its work. */
  unproved = false;

  #emit = (fact: ServiceFact): void => {
    this.standing.note(fact, this.#clock.now());
    this.#o.emit({ ...fact, service: this.name });
  };

  constructor(service: S, options: SupervisorOptions) {
    this.service = service;
    this.#o = options;
    this.#clock = options.clock;
  }

  get plan(): ServicePlan {
    return this.service.plan;
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

  /** A person has stopped it: nobody misses it, and only a person starts it again. */
  get isOff(): boolean {
    return this.#off;
  }

  /** Starts it in its turn; resolves when it is past its gate (true), given up or stopped (false). */
  async start(): Promise<boolean> {
    this.hadTurn = true;
    if (this.#off) return false;
    if (this.#next) return await this.restart();
    if (this.#state.actual === "up") return true;
    if (this.isLost || this.retired) return false;
    const settled = this.#settled();
    this.#dispatch({ type: "start" });
    return await settled === "up";
  }

  /** It is to be as `plan` says: with its next start() if that takes a `fresh` copy, else at once, uninterrupted. */
  replan(plan: ServicePlan, fresh: boolean): void {
    if ((fresh || this.#next) && this.#state.actual !== "idle") return void (this.#next = plan);
    this.service.replan(plan);
    if (this.isUp) this.#task((signal) => this.#watch(signal));
  }

  /** Starts a fresh copy on demand, once, however many ask at the same time. */
  async restart(): Promise<boolean> {
    if (this.retired) return false;
    this.turnOn();
    const settled = this.#settled();
    this.#dispatch({ type: this.#next ? "renew" : "restart" });
    return await settled === "up";
  }

  /** A person wants it again: what comes to its turn is started. */
  turnOn(): void {
    this.wasOff = this.#off;
    this.#off = false;
  }

  /** As {@link stop}, for a person: until one starts it again. */
  async turnOff(): Promise<StopReport | null> {
    this.#off = true;
    return await this.stop();
  }

  /** Stops it; resolves when its last process is gone. `force` aborted: without grace. */
  async stop(force?: AbortSignal): Promise<StopReport | null> {
    const onForce = () => this.#force.abort();
    force?.addEventListener("abort", onForce, { once: true });
    if (force?.aborted) onForce();
    const settled = this.#settled();
    this.#dispatch({ type: "stop" });
    await settled;
    force?.removeEventListener("abort", onForce);
    return this.standing.lastStop;
  }

  /** Resolves when a start that is under way or yet to come has ended; true when it is up. */
  async settles(): Promise<boolean> {
    return await this.#settled() === "up";
  }

  /** Starts a standby copy ahead of its turn, if one is configured. */
  prepare(): void {
    if (this.plan.prepare.standby && !this.service.external && !this.#off) {
      this.#dispatch({ type: "prepare" });
    }
  }

  /** Takes a copy of an earlier loader over. */
  adopt(): void {
    const copy = this.service.copy!;
    this.#followExit(copy);
    this.#dispatch({ type: "adopted" });
    this.#emit({ fact: "adopted", pid: copy.pid, boot: copy.boot });
  }

  /** All that another version of this program goes on with, beside its service. */
  get kept(): KeptSupervisor {
    const { standing, unproved } = this;
    return {
      state: this.#state,
      standing: { ...standing },
      unproved,
      backoffMs: this.#backoff ? Math.max(0, this.#backoffUntil - this.#clock.now()) : null,
    };
  }

  /** Goes on where an earlier version was, which was at rest ({@link isAtRest}). */
  goOn({ state, standing, unproved, backoffMs }: KeptSupervisor): void {
    this.#state = state;
    Object.assign(this.standing, standing);
    this.unproved = unproved;
    const { copy } = this.service;
    if (copy) this.#followExit(copy);
    if (state.actual === "up") this.#perform({ do: "watch" });
    if (state.actual === "away") this.#perform({ do: "look", afterMs: 0 });
    if (backoffMs !== null) this.#waitBackoff(backoffMs);
  }

  /** Nothing is being started or stopped, nor about to be replaced. */
  get isAtRest(): boolean {
    return this.#next === null && ["idle", "up", "backoff", "away", "failed"].includes(this.#state.actual);
  }

  /** Resolves when nothing that it began is under way any more. */
  async idle(): Promise<void> {
    await this.#activities.idle();
  }

  #settled(): Promise<"up" | "failed" | "down"> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** It is to be stopped for good: nothing of it is started again. What runs waits for its turn to stop. */
  retire(): void {
    this.retired = true;
    const { actual } = this.#state;
    if (actual === "backoff" || actual === "stopping") this.#dispatch({ type: "stop" });
  }

  #dispatch(event: ServiceEvent): void {
    this.#queue.push(this.retired && event.type === "fault" ? { type: "stop" } : event);
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const before = this.#state.actual;
      const { state, effects } = step(this.#state, next, {
        policy: this.plan.restart,
        now: this.#clock.now(),
      });
      this.#state = state;
      for (const effect of effects) this.#perform(effect);
      const { actual, desired } = state;
      if (actual === before) continue;
      this.#emit({ fact: "state", from: before, to: actual, desired });
      this.#o.hooks.changed?.(this, before, actual);
    }
    this.#busy = false;
  }

  #perform(effect: Effect): void {
    switch (effect.do) {
      case "start":
        if (this.#next) this.service.replan(this.#next);
        this.#next = null;
        return this.#task((signal) => this.#start(signal));
      case "start_standby":
        return this.#task(() => this.#standby());
      case "warm":
        return this.#task((signal) => this.#warm(signal));
      case "watch":
        this.#tellBack();
        return this.#task((signal) => this.#watch(signal));
      case "terminate":
        this.#activities.end(`${this.name} is being stopped`);
        return this.#activities.beside(this.#terminate());
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

  /** Its failure other than by abort is a fault of the service. */
  #task(run: (signal: AbortSignal) => Promise<void>): void {
    this.#activities.run(run, (error, signal) => this.#fault(signal, stageFault(error)));
  }

  /** An event of an activity; dropped when the activity is over. */
  #report(signal: AbortSignal, event: ServiceEvent): void {
    if (!signal.aborted) this.#dispatch(event);
  }

  #fault(signal: AbortSignal, fault: Fault): void {
    this.#report(signal, { type: "fault", fault });
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { service } = this;
    this.#force = new AbortController();
    this.#prepareActivity.abort(overBecause("its turn has come"));
    await this.#o.hooks.beforeStart?.(this, signal);
    signal.throwIfAborted();
    const standby = service.copy;
    if (service.boundEarly) this.#emit({ fact: "bound_early" });
    const began = this.#clock.now();
    this.#emit({ fact: "stage_begun", stage: "start" });
    await service.start(signal);
    signal.throwIfAborted();
    const released = standby !== null && service.copy === standby; // else it had died, and a fresh copy runs
    this.#emit({ fact: "stage_over", stage: "start" });
    this.#emit({ fact: "stage_begun", stage: "ready" });
    this.#emit({ fact: "started", pid: service.pid(), released });
    if (service.copy && !released) this.#followExit(service.copy);

    if (this.plan.wake) await this.#wake(signal);
    const ready = await awaitReadiness(service, {
      ...this.#o,
      signal,
      since: began,
      emit: this.#emit,
      fail: (fault) => this.#fault(signal, fault),
    });
    if (!ready) return;
    this.#emit({ fact: "stage_over", stage: "ready" });
    this.#emit({ fact: "ready", ms: this.#clock.now() - began });
    this.#report(signal, { type: "ready" });
  }

  /** Looks for an external service that is away, at the pace of its health checks or each second, until it answers. */
  async #look(signal: AbortSignal, afterMs: number): Promise<void> {
    const paceMs = Math.min(this.plan.health.intervalMs, slowestLookMs);
    await this.#clock.sleep(afterMs, signal);
    for (let wokenAt = -Infinity; !await this.service.isReady(signal);) {
      const { wake } = this.plan;
      if (wake && this.#clock.now() - wokenAt >= wake.waitMs) {
        await this.#wake(signal);
        wokenAt = this.#clock.now();
      }
      await this.#clock.sleep(paceMs, signal);
    }
    this.#report(signal, { type: "ready" });
  }

  async #wake(signal: AbortSignal): Promise<void> {
    const { wake } = this.plan, sent = wake && await this.service.wake?.(signal);
    if (sent) this.#emit({ fact: "wake_sent", mac: wake.mac, waitMs: wake.waitMs, failed: sent.failed });
  }

  #followExit(copy: SupervisedCopy): void {
    // Nothing waits for it: what even SIGKILL does not end may never exit.
    void copy.exited.then((status) => {
      if (this.service.copy !== copy) return;
      // It died in the moment of its release: the start goes on without it.
      if (copy.held && this.#state.actual === "starting") return;
      const when = { afterMs: this.#clock.now() - copy.spawnedAt, beforeReady: this.standing.upAt === null };
      this.#dispatch({ type: "fault", fault: exitFault(this.service, copy, { status, ...when }) });
    });
  }

  async #standby(): Promise<void> {
    // Not the stage's own signal: the preparation may go on into the next stage, the release ends it.
    const { signal } = this.#prepareActivity = new AbortController();
    const beganAt = this.#clock.now();
    this.#emit({ fact: "stage_begun", stage: "prepare" });
    const report = this.service.prepareAsync(signal);
    if (this.service.copy) this.#followExit(this.service.copy);
    const prepared = await report;
    this.#emit({ fact: "stage_over", stage: "prepare" });
    // One that was stopped or died meanwhile is told of as that.
    const { actual } = this.#state;
    if (prepared.kind === "none" || actual === "stopping" || actual === "idle") return;
    this.#emit({ fact: "prepared", report: prepared, beganAt });
  }

  async #warm(signal: AbortSignal): Promise<void> {
    this.unproved = this.plan.warmup.kind !== "none";
    const warmed = await warmUp(this.service, { signal, emit: this.#emit });
    this.unproved = warmed.unproved;
    if (warmed.fault) return this.#fault(signal, warmed.fault);
    this.#remember();
    const fault = await this.#o.hooks.beforeUp?.(this, signal);
    signal.throwIfAborted();
    if (fault) this.#fault(signal, fault);
    else this.#report(signal, { type: "warmed" });
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const proved = !this.unproved;
    const fault = await watchOver(this.service, {
      clock: this.#clock,
      signal,
      emit: this.#emit,
      beforeLook: () => this.#remember(),
      signOfWork: () => this.#o.hooks.signOfWork?.(this) ?? null,
      onWarmth: (cold) => {
        if (proved) this.unproved = cold;
      },
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
    const { copy } = this.service, { fault } = this.#state;
    const ended = copy?.status !== null;
    this.#o.hooks.beforeStop?.(this);
    const report = await this.service.stop(undefined, this.#force.signal);
    const known = !copy || (ended && fault?.kind === "exited" && !report.killed);
    this.#emit({ fact: "stopped", report, known });
    await this.#o.hooks.afterStop?.(this);
    this.#dispatch({ type: "gone", stuck: report.stuck });
  }

  #waitBackoff(ms: number): void {
    this.#emit({ fact: "stage_begun", stage: "backoff" });
    this.#backoffUntil = this.#clock.now() + ms;
    this.#backoff = this.#clock.after(ms, () => {
      this.#emit({ fact: "stage_over", stage: "backoff" });
      this.#backoff = null;
      this.#dispatch({ type: "backoff_over" });
    });
  }

  #tellFault(fault: Fault, verdict: Verdict): void {
    let { awaySince } = this.standing;
    if (verdict.kind === "look_again") awaySince ??= this.#clock.wall();
    this.#emit({ fact: "fault", fault, verdict, awaySince });
  }

  #tellBack(): void {
    const { awaySince } = this.standing;
    if (awaySince) this.#emit({ fact: "back", awayMs: this.#clock.wall().getTime() - awaySince.getTime() });
  }
}
