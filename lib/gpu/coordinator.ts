/**
 * Everything the loader does about the GPU, in one place: opened before the first service, asked at each stage, before
 * each start (does it fit?), after each warm-up (is it really on the GPU?), after each stop (is the memory back?), and
 * while running. Spec: §5; CONTRACT §1, §7. What is decided is in `gpu/`; this only brings it together with the services.
 *
 * A boot waits for the GPU's answers, so each of them has a second: a driver that hangs costs figures, not the boot.
 */
import type { Fault } from "../model/states.ts";
import {
  commandOf,
  GpuMonitor,
  type GpuSnapshot,
  type GpuSource,
  heldBy,
  type LeakLimits,
  LeakWatch,
  type ServiceTrees,
  settle,
  totals,
  type VramReport,
  vramReport,
  watchFirstContext,
} from "./mod.ts";
import type { Log } from "../log/mod.ts";
import type { BootRecord } from "../model/boot_record.ts";
import type { Fact } from "../model/events.ts";
import type { BootPlan } from "../model/plan.ts";
import { type Clock, deadline, isAbort } from "../sys/clock.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { openForBoot } from "./open_for_boot.ts";
import { GpuGates } from "./gates.ts";
import { type GpuService, type Holding, ServiceGpus } from "./service_gpu.ts";

export type VramSnapshot = VramReport;

export interface GpuCoordinatorOptions {
  clock: Clock;
  log: Log;
  startedAt: number;
  /** Aborted when the loader stops. */
  signal: AbortSignal;
  /** How the tools are run that stand in for the library. */
  run?: RunCommand;
  records: readonly BootRecord[];
  /** Process trees of all services, looked up now. */
  trees(): ServiceTrees;
  /** Tells of `gpu_open`, `vram` and `first_gpu_context`. */
  emit(fact: Fact): void;
  /** What counts as a leak; replaced in tests. */
  leakLimits?: LeakLimits;
}

/** What of the plan concerns the GPU. */
export type GpuPlan = Pick<BootPlan, "gpu" | "services">;

/** How long the boot waits for one answer of the GPU, ms. */
const lookMs = 1000;
/** A look that is not older is taken again: warm-up, stage and the next start ask within the same moment, ms. */
const freshMs = 100;
/** How long a restart waits for the old copy's memory, and the end for all of it, ms. */
const settleMs = 5000;

export class GpuCoordinator implements AsyncDisposable {
  #plan: GpuPlan;
  #o: GpuCoordinatorOptions;
  #source: GpuSource;
  #monitor: GpuMonitor;
  #leaks: LeakWatch;
  #polls = false;
  /** Monotonic ms of the last service's start. */
  #startedAt = -Infinity;
  #services = new ServiceGpus();
  #gates: GpuGates;
  /** Holdings of those that were stopped with the loader; the end waits for all of them together. */
  #lastHoldings: Holding[] = [];
  #firstContext: Promise<void> = Promise.resolve();
  #booting = new AbortController();
  #end = new AbortController();

  /** Opens the GPU; waits for it when a service needs one. @throws LoaderError `gpu_missing` when it is required and absent. */
  static async open(plan: GpuPlan, o: GpuCoordinatorOptions): Promise<GpuCoordinator> {
    return new GpuCoordinator(plan, o, await openForBoot(plan, o));
  }

  /** Takes the source over. */
  constructor(plan: GpuPlan, o: GpuCoordinatorOptions, source: GpuSource) {
    this.#plan = plan;
    this.#o = o;
    this.#source = source;
    this.#gates = new GpuGates({ ...o, plan, source, look: (signal) => this.#look(signal) }, this.#services);
    this.#leaks = new LeakWatch(o.leakLimits);
    this.#monitor = new GpuMonitor({
      source,
      clock: o.clock,
      log: (level, message) => o.log.line("LOADER", level, message),
      deltasOnly: plan.gpu.deltasOnly,
      startedAt: o.startedAt,
      onSnapshot: (snapshot) => this.#onSnapshot(snapshot),
      commandOf,
    });
    o.emit({ fact: "gpu_open", description: source.description, driver: source.driver });
    if (this.present) this.#firstContext = this.#awaitFirstContext();
  }

  get present(): boolean {
    return this.#source.kind !== "none";
  }
  /** "NVIDIA GeForce RTX 4090, driver 550.54" or "no GPU". */
  get description(): string {
    return this.#source.description;
  }

  async #awaitFirstContext(): Promise<void> {
    const ourPids = () => new Set([...this.#o.trees().values()].flatMap((pids) => [...pids]));
    const signal = AbortSignal.any([this.#booting.signal, this.#end.signal, this.#o.signal]);
    try {
      const at = await watchFirstContext({ source: this.#source, ourPids, clock: this.#o.clock, signal });
      if (at !== null) this.#o.emit({ fact: "first_gpu_context" });
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
    }
  }

  /** `ask` with a second's time; null if that is over. Rejects only with the signal's reason. */
  async #within<T>(ask: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T | null> {
    using limit = deadline(this.#o.clock, lookMs, signal);
    try {
      return await ask(limit.signal);
    } catch (error) {
      if (signal.aborted || !isAbort(error, limit.signal)) throw error;
      return null;
    }
  }

  /** How old a look may be: what was seen before the last start says nothing about what that has taken since. */
  #freshMs(): number {
    return Math.min(freshMs, this.#o.clock.now() - this.#startedAt);
  }

  #look(signal: AbortSignal): Promise<GpuSnapshot | null> {
    return this.#within((limit) => this.#monitor.look(limit, this.#freshMs()), signal);
  }

  /** One snapshot at a stage transition: logged and kept. Never rejects. */
  async stage(stage: string): Promise<void> {
    if (!this.present || this.#o.signal.aborted) return;
    const told = this.#monitor.history.length;
    const wasLost = this.#monitor.lost;
    try {
      const point = await this.#within(
        (limit) => this.#monitor.stage(stage, limit, this.#freshMs()),
        this.#o.signal,
      );
      if (point === null && wasLost === this.#monitor.lost) this.#tellSkipped(stage);
    } catch (error) {
      if (!isAbort(error, this.#o.signal)) throw error;
    }
    const point = this.#monitor.history.length > told ? this.#monitor.history.at(-1) : null;
    if (point) this.#o.emit({ fact: "vram", stage, usedMib: point.used_mib, deltaMib: point.delta_mib });
  }

  #tellSkipped(stage: string): void {
    const why = this.#monitor.lost ? "the GPU is lost" : `the GPU did not answer within ${lookMs / 1000} s`;
    this.#o.log.info("LOADER", `VRAM after ${stage}: skipped, ${why}`);
  }

  /** Admission, and the mark of the start. @throws LoaderError `vram_short` where the configuration says `fail`. */
  async beforeStart(supervisor: GpuService, signal: AbortSignal): Promise<void> {
    await this.#gates.admit(supervisor, signal);
    this.#startedAt = this.#o.clock.now();
  }

  /** Proof of residency. A fault only where the GPU is required, and only once: a second copy on the CPU stays. */
  beforeUp(supervisor: GpuService, signal: AbortSignal): Promise<Fault | null> {
    return this.#gates.beforeUp(supervisor, signal);
  }

  /** Just before a stop: what it held until now is what must come back. */
  beforeStop(supervisor: GpuService): void {
    Object.assign(this.#services.of(supervisor.name), { down: true, onCpu: false, pids: null, mib: null });
    this.#leaks.reset(supervisor.name); // the next copy is judged by its own samples
  }

  /** After a stop: waits, bounded, until its memory is back; the end of the loader does that once for all. Never rejects. */
  async afterStop(supervisor: GpuService): Promise<void> {
    const record = this.#services.of(supervisor.name);
    const { holding } = record;
    if (!holding) return;
    record.holding = null;
    const signal = AbortSignal.any([this.#end.signal, this.#o.signal]);
    if (!signal.aborted) {
      const settled = await this.#settle(supervisor.name, holding, signal);
      if (settled && !settled.ok) this.#o.log.warning(supervisor.plan.tag, settled.message);
    }
    if (this.#o.signal.aborted) this.#lastHoldings.push(holding);
  }

  async #settle(service: string, { snapshot, pids }: Holding, signal: AbortSignal) {
    try {
      return await settle({
        source: this.#source,
        service,
        before: snapshot,
        pids,
        limitMs: settleMs,
        clock: this.#o.clock,
        signal,
        commandOf,
      });
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
      return null;
    }
  }

  /** "its processes use the GPU (87 %)", for liveness; null when they do not. */
  signOfWork(supervisor: GpuService): string | null {
    const { pids } = this.#services.of(supervisor.name);
    if (!pids || this.#monitor.lost) return null;
    for (const gpu of this.#monitor.latest?.gpus ?? []) {
      const mine = gpu.processes.some(({ pid }) => pids.has(pid));
      if (mine && (gpu.utilisation ?? 0) > 5) return `its processes use the GPU (${gpu.utilisation} %)`;
    }
    return null;
  }

  /** The boot is over: from now on the GPU is watched. */
  startPolling(): void {
    this.#booting.abort(new DOMException("the boot is over", "AbortError"));
    this.#polls = true;
    this.#monitor.startPolling(this.#plan.gpu.pollMs);
  }

  #onSnapshot(snapshot: GpuSnapshot): void {
    for (const [name, pids] of this.#o.trees()) {
      const record = this.#services.of(name);
      if (pids.size === 0 || record.down) continue;
      const mib = heldBy(snapshot, pids);
      Object.assign(record, { pids, mib, holding: mib === null ? null : { snapshot, pids } });
      if (mib === null || !this.#polls) continue;
      const leak = this.#leaks.add(name, snapshot.at, mib, totals(snapshot).freeMib);
      if (leak) this.#o.log.warning("LOADER", leak.message);
    }
  }

  /** MiB that a service was last seen with; null where that cannot be told now. */
  heldBy(service: string): number | null {
    return this.#monitor.lost ? null : this.#services.of(service).mib;
  }
  isOnCpu(service: string): boolean {
    return this.#services.of(service).onCpu;
  }
  summary(): { description: string; used_mib: number | null; total_mib: number | null } | null {
    if (!this.present) return null;
    const now = this.#monitor.lost ? null : this.#monitor.latest && totals(this.#monitor.latest);
    return {
      description: this.description,
      used_mib: now?.usedMib ?? null,
      total_mib: now?.totalMib ?? null,
    };
  }

  /** Asks the GPU now. */
  async report(): Promise<VramSnapshot> {
    return await vramReport({
      source: this.#source,
      trees: this.#o.trees(),
      commandOf,
      signal: this.#end.signal,
    });
  }

  /**
   * The last look, after the stop: says what is missing from the baseline, or that there is no GPU. Before it, waits
   * until the services' memory is back, at most 5 s, and not at all once `force` is aborted. Never rejects.
   */
  async final(force: AbortSignal = this.#end.signal): Promise<void> {
    if (!this.present) return this.#o.log.info("LOADER", "VRAM at the end: no GPU");
    using limit = deadline(this.#o.clock, settleMs, force);
    for (const holding of this.#lastHoldings) await this.#settle("the services", holding, limit.signal);
    const seen = await this.#within(
      (signal) => this.#monitor.final(undefined, signal),
      this.#end.signal,
    );
    if (!seen) this.#o.log.info("LOADER", "VRAM at the end: not known, the GPU does not answer");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new DOMException("the GPU is let go", "AbortError"));
    await this.#firstContext;
    await this.#monitor[Symbol.asyncDispose]();
    await this.#source[Symbol.asyncDispose]();
  }
}
