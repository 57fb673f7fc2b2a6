/**
 * Everything the loader does about the GPU, in one place: opened before the first service, asked at each stage, before
 * each start (does it fit?), after each warm-up (is it really on the GPU?), after each stop (is the memory back?), and
 * while running. Spec: §5; CONTRACT §1, §7. What is decided is in `gpu/`; this only brings it together with the services.
 *
 * A boot waits for the GPU's answers, so each of them has a second: a driver that hangs costs figures, not the boot.
 */
import type { Fault } from "../model/states.ts";
import { LoaderError } from "../errors.ts";
import {
  admit,
  commandOf,
  decideAdmission,
  GpuMonitor,
  type GpuSnapshot,
  type GpuSource,
  heldBy,
  judgeResidency,
  type LeakLimits,
  LeakWatch,
  type Need,
  peaksOf,
  predictNeed,
  type Residency,
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
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { type Clock, deadline, isAbort } from "../sys/clock.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { openForBoot } from "./open_for_boot.ts";
import { ollamaResidency } from "./decide/ollama_residency.ts";

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

/** How long the boot waits for one answer of the GPU, ms. */
const lookMs = 1000;
/** A look that is not older is taken again: warm-up, stage and the next start ask within the same moment, ms. */
const freshMs = 100;
/** How long a restart waits for the old copy's memory, and the end for all of it, ms. */
const settleMs = 5000;

/** A supervised service, as far as the GPU is concerned. */
export interface GpuService {
  readonly name: string;
  readonly plan: ServicePlan;
  readonly state: { readonly restarts: readonly number[] };
  readonly service: {
    readonly external: boolean;
    readonly copy: { processTree(): ReadonlySet<number> } | null;
  };
}

/** A service's processes and the GPU while they held memory on it. */
interface Holding {
  snapshot: GpuSnapshot;
  pids: ReadonlySet<number>;
}

/** What is known of one service and the GPU. */
interface ServiceGpu {
  /** It is being stopped or not started: its holding stays as it was. */
  down: boolean;
  /** The GPU as it was before its start, for the proof of residency. */
  before: GpuSnapshot | null;
  /** Its processes at the last snapshot, and what they held, MiB; null where that was not seen or cannot be told. */
  pids: ReadonlySet<number> | null;
  mib: number | null;
  /** What it held when it was last seen alive: what must come back after its stop. */
  holding: Holding | null;
  onCpu: boolean;
  /** It was started anew once since its model was not on the GPU. */
  retried: boolean;
}

export class GpuCoordinator implements AsyncDisposable {
  #plan: BootPlan;
  #o: GpuCoordinatorOptions;
  #source: GpuSource;
  #monitor: GpuMonitor;
  #leaks: LeakWatch;
  #polls = false;
  /** Monotonic ms of the last service's start. */
  #startedAt = -Infinity;
  #records = new Map<string, ServiceGpu>();
  /** Holdings of those that were stopped with the loader; the end waits for all of them together. */
  #lastHoldings: Holding[] = [];
  #firstContext: Promise<void> = Promise.resolve();
  #booting = new AbortController();
  #end = new AbortController();

  /** Opens the GPU; waits for it when a service needs one. @throws LoaderError `gpu_missing` when it is required and absent. */
  static async open(plan: BootPlan, o: GpuCoordinatorOptions): Promise<GpuCoordinator> {
    return new GpuCoordinator(plan, o, await openForBoot(plan, o));
  }

  /** Takes the source over. */
  constructor(plan: BootPlan, o: GpuCoordinatorOptions, source: GpuSource) {
    this.#plan = plan;
    this.#o = o;
    this.#source = source;
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

  #of(service: string): ServiceGpu {
    let record = this.#records.get(service);
    if (!record) {
      record = {
        down: false,
        before: null,
        pids: null,
        mib: null,
        holding: null,
        onCpu: false,
        retried: false,
      };
      this.#records.set(service, record);
    }
    return record;
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
  async beforeStart(unit: GpuService, signal: AbortSignal): Promise<void> {
    await this.#admit(unit, signal);
    this.#startedAt = this.#o.clock.now();
  }

  async #admit(unit: GpuService, signal: AbortSignal): Promise<void> {
    const { plan } = unit;
    const record = this.#of(unit.name);
    Object.assign(record, { pids: null, mib: null, holding: null });
    // A standby copy was started before its turn: what it took is no longer free, and needs no room any more.
    if (!this.present || plan.gpu === "none" || unit.service.external || unit.service.copy) {
      record.down = false;
      return;
    }
    const first = await this.#look(signal);
    record.before = first;
    const input = { service: unit.name, need: this.#need(unit), trees: this.#o.trees(), commandOf };
    const short = !admit({ ...input, snapshot: first }).ok;
    if (short && !await this.#residesInOllama(unit, signal)) {
      const decision = await decideAdmission({ ...input, first, source: this.#source }, {
        onShort: this.#plan.gpu.onShort,
        waitMs: this.#plan.gpu.waitMs,
        clock: this.#o.clock,
        log: (level, message) => this.#o.log.line("LOADER", level, message),
        signal,
      });
      if (!decision.start) throw new LoaderError("vram_short", decision.message, { hint: decision.hint });
    }
    record.down = false;
  }

  /** Ollama keeps models beyond our stops and starts: what it holds already needs no room. */
  async #residesInOllama(unit: GpuService, signal: AbortSignal): Promise<boolean> {
    return (await ollamaResidency(unit.plan, { clock: this.#o.clock, signal }))?.verdict === "gpu";
  }

  #need(unit: GpuService): Need | null {
    return predictNeed(unit.plan.vramMb, peaksOf(this.#o.records, unit.name));
  }

  /** Proof of residency. A fault only where the GPU is required, and only once: a second copy on the CPU stays. */
  async beforeUp(unit: GpuService, signal: AbortSignal): Promise<Fault | null> {
    const { plan } = unit;
    const record = this.#of(unit.name);
    record.onCpu = false;
    if (plan.gpu === "none") return null;
    const residency = await this.#residency(unit, signal);
    if (!residency) return null;
    if (residency.verdict === "gpu" || residency.verdict === "unknown") {
      if (residency.verdict === "gpu") record.retried = false;
      this.#o.log.debug(plan.tag, residency.message);
      return null;
    }
    if (plan.gpu === "required" && !record.retried && this.#mayRestart(unit)) {
      record.retried = true;
      return { kind: "on_cpu", detail: residency.message.replace(/^READY ON CPU: /, "") };
    }
    record.onCpu = true;
    this.#o.log.warning(plan.tag, `${residency.message}; ${residency.hint}`);
    return null;
  }

  /** Null where there is nothing to prove. */
  async #residency(unit: GpuService, signal: AbortSignal): Promise<Residency | null> {
    const ollama = await ollamaResidency(unit.plan, { clock: this.#o.clock, signal });
    if (ollama) return ollama;
    if (!unit.service.copy) return null;
    if (!this.present) { // that was told at the start
      this.#of(unit.name).onCpu = true;
      return null;
    }
    return judgeResidency({
      expectedMib: this.#need(unit)?.mib ?? null,
      pids: unit.service.copy.processTree(),
      before: this.#of(unit.name).before,
      after: await this.#look(signal),
    });
  }

  /** A service on the CPU is better than one that was given up for it. */
  #mayRestart({ plan, state }: GpuService): boolean {
    const { type, maxRestarts, windowMs } = plan.restart;
    const counted = state.restarts.filter((at) => this.#o.clock.now() - at < windowMs).length;
    return type !== "never" && counted < maxRestarts;
  }

  /** Just before a stop: what it held until now is what must come back. */
  beforeStop(unit: GpuService): void {
    Object.assign(this.#of(unit.name), { down: true, onCpu: false, pids: null, mib: null });
    this.#leaks.reset(unit.name); // the next copy is judged by its own samples
  }

  /** After a stop: waits, bounded, until its memory is back; the end of the loader does that once for all. Never rejects. */
  async afterStop(unit: GpuService): Promise<void> {
    const record = this.#of(unit.name);
    const { holding } = record;
    if (!holding) return;
    record.holding = null;
    const signal = AbortSignal.any([this.#end.signal, this.#o.signal]);
    if (!signal.aborted) {
      const settled = await this.#settle(unit.name, holding, signal);
      if (settled && !settled.ok) this.#o.log.warning(unit.plan.tag, settled.message);
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
  signOfWork(unit: GpuService): string | null {
    const { pids } = this.#of(unit.name);
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
      const record = this.#of(name);
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
    return this.#monitor.lost ? null : this.#of(service).mib;
  }
  isOnCpu(service: string): boolean {
    return this.#of(service).onCpu;
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
   * until the services' memory is back, at most 5 s, and not at all once `hurry` is aborted. Never rejects.
   */
  async final(hurry: AbortSignal = this.#end.signal): Promise<void> {
    if (!this.present) return this.#o.log.info("LOADER", "VRAM at the end: no GPU");
    using limit = deadline(this.#o.clock, settleMs, hurry);
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
