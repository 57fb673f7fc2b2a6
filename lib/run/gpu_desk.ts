/**
 * Everything the loader does about the GPU, in one place: opened before the first service, asked at each stage, before
 * each start (does it fit?), after each warm-up (is it really on the GPU?), after each stop (is the memory back?), and
 * while running. Spec: §5; CONTRACT §1, §7. What is decided is in `gpu/`; this only brings it together with the services.
 */
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
  LeakWatch,
  openGpu,
  peaksOf,
  predictNeed,
  type ServiceTrees,
  settle,
  totals,
  type VramReport,
  vramReport,
  waitForGpu,
  watchFirstContext,
} from "../gpu/mod.ts";
import type { Log } from "../log/mod.ts";
import type { BootRecord } from "../metrics/types.ts";
import type { BootPlan } from "../plan/types.ts";
import type { Clock } from "../sys/clock.ts";
import { isAbort } from "../sys/clock.ts";
import { environment } from "../sys/host.ts";
import type { Fault } from "./service_machine.ts";
import type { Unit } from "./unit.ts";

export type VramSnapshot = VramReport;

export interface GpuDeskOptions {
  clock: Clock;
  log: Log;
  startedAt: number;
  signal: AbortSignal;
  records: readonly BootRecord[];
  /** Process trees of all services, looked up now. */
  trees(): ServiceTrees;
  onStage(stage: string, usedMib: number, deltaMib: number): void;
  onFirstContext(): void;
}

/** How long a restart waits for the old copy's memory, ms. */
const settleMs = 5000;

export class GpuDesk implements AsyncDisposable {
  #plan: BootPlan;
  #o: GpuDeskOptions;
  #source: GpuSource;
  #monitor: GpuMonitor;
  #leaks = new LeakWatch();
  /** The GPU as it was before a service's start, for the proof of residency and the settling after its stop. */
  #before = new Map<string, GpuSnapshot | null>();
  #pids = new Map<string, ReadonlySet<number>>();
  #held = new Map<string, number | null>();
  #onCpu = new Set<string>();
  #retriedOnGpu = new Set<string>();
  #firstContext: Promise<void> = Promise.resolve();
  #end = new AbortController();

  /** Opens the GPU; waits for it when a service needs one. @throws LoaderError `gpu_missing` when it is required and absent. */
  static async open(plan: BootPlan, o: GpuDeskOptions): Promise<GpuDesk> {
    const { clock, log, signal } = o;
    const say = (level: "INFO" | "WARNING" | "DEBUG", message: string) => log.line("LOADER", level, message);
    const open = () => openGpu({ index: plan.gpu.index, env: environment(), clock, signal });
    const needs = plan.services.filter((service) => service.gpu !== "none");
    if (needs.length === 0) return new GpuDesk(plan, o, await open());
    const wait = await waitForGpu({ open, waitMs: plan.gpu.waitMs, clock, log: say, signal });
    const required = needs.filter((service) => service.gpu === "required").map((service) => service.name);
    if (!wait.ok && required.length > 0) {
      await wait.source[Symbol.asyncDispose]();
      throw new LoaderError("gpu_missing", `${required.join(", ")}: gpu: required, but ${wait.message}`, {
        hint: wait.hint,
      });
    }
    if (!wait.ok) log.warning("LOADER", `${wait.message}; going on without: ${wait.hint}`);
    return new GpuDesk(plan, o, wait.source);
  }

  private constructor(plan: BootPlan, o: GpuDeskOptions, source: GpuSource) {
    this.#plan = plan;
    this.#o = o;
    this.#source = source;
    this.#monitor = new GpuMonitor({
      source,
      clock: o.clock,
      log: (level, message) => o.log.line("LOADER", level, message),
      deltasOnly: plan.gpu.deltasOnly,
      startedAt: o.startedAt,
      onSnapshot: (snapshot) => this.#onSnapshot(snapshot),
      commandOf,
    });
    if (this.present) this.#firstContext = this.#awaitFirstContext();
  }

  get present(): boolean {
    return this.#source.kind !== "none";
  }
  /** "NVIDIA GeForce RTX 4090, driver 550.54" or "no GPU". */
  get description(): string {
    return this.#source.description;
  }
  get driver(): string | null {
    return this.#source.driver;
  }

  async #awaitFirstContext(): Promise<void> {
    const ourPids = () => new Set([...this.#o.trees().values()].flatMap((pids) => [...pids]));
    const signal = AbortSignal.any([this.#end.signal, this.#o.signal]);
    try {
      const at = await watchFirstContext({ source: this.#source, ourPids, clock: this.#o.clock, signal });
      if (at !== null) this.#o.onFirstContext();
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
    }
  }

  /** One snapshot at a stage transition: logged and kept. */
  async stage(stage: string): Promise<void> {
    await this.#monitor.stage(stage);
    const point = this.#monitor.history.at(-1);
    if (point?.stage === stage) this.#o.onStage(stage, point.used_mib, point.delta_mib);
  }

  /** Admission. @throws LoaderError `vram_short` where the configuration says `fail`. */
  async beforeStart(unit: Unit, signal: AbortSignal): Promise<void> {
    const { plan } = unit;
    if (!this.present || plan.gpu === "none") return;
    const first = await this.#monitor.look(signal);
    this.#before.set(unit.name, first);
    const decision = await decideAdmission({
      service: unit.name,
      need: this.#need(unit),
      first,
      source: this.#source,
      trees: this.#o.trees(),
      commandOf,
    }, {
      onShort: this.#plan.gpu.onShort,
      waitMs: this.#plan.gpu.waitMs,
      clock: this.#o.clock,
      log: (level, message) => this.#o.log.line("LOADER", level, message),
      signal,
    });
    if (!decision.start) throw new LoaderError("vram_short", decision.message, { hint: decision.hint });
  }

  #need(unit: Unit) {
    return predictNeed(unit.plan.vramMb, peaksOf(this.#o.records, unit.name));
  }

  /** What would not fit if everything were started now, in words, for the plan. */
  shortages(units: readonly Unit[]): string[] {
    const snapshot = this.#monitor.latest;
    return units.flatMap((unit) => {
      const verdict = admit({ service: unit.name, need: this.#need(unit), snapshot, commandOf });
      return verdict.ok ? [] : [verdict.message];
    });
  }

  /** Proof of residency. A fault only where the GPU is required, and only once: a second copy on the CPU stays. */
  async beforeUp(unit: Unit, signal: AbortSignal): Promise<Fault | null> {
    const { plan } = unit;
    this.#onCpu.delete(unit.name);
    if (!this.present || plan.gpu === "none" || !unit.service.copy) return null;
    const residency = judgeResidency({
      expectedMib: this.#need(unit)?.mib ?? null,
      pids: unit.service.copy.processTree(),
      before: this.#before.get(unit.name) ?? null,
      after: await this.#monitor.look(signal),
    });
    if (residency.verdict === "gpu" || residency.verdict === "unknown") {
      this.#o.log.debug(plan.tag, residency.message);
      return null;
    }
    if (plan.gpu === "required" && !this.#retriedOnGpu.has(unit.name)) {
      this.#retriedOnGpu.add(unit.name);
      return { kind: "on_cpu", detail: residency.message.replace(/^READY ON CPU: /, "") };
    }
    this.#onCpu.add(unit.name);
    this.#o.log.warning(plan.tag, `${residency.message}; ${residency.hint}`);
    return null;
  }

  /** After a stop: waits, bounded, until its memory is back. */
  async afterStop(unit: Unit): Promise<void> {
    const before = this.#monitor.latest;
    const pids = this.#pids.get(unit.name);
    this.#pids.delete(unit.name);
    if (!this.present || !before || !pids || heldBy(before, pids) === null) return;
    const settled = await settle({
      source: this.#source,
      service: unit.name,
      before,
      pids,
      limitMs: settleMs,
      clock: this.#o.clock,
      signal: this.#end.signal,
      commandOf,
    });
    this.#o.log.line(unit.plan.tag, settled.ok ? "DEBUG" : "WARNING", settled.message);
  }

  /** "its processes use the GPU (87 %)", for liveness; null when they do not. */
  signOfWork(unit: Unit): string | null {
    const pids = this.#pids.get(unit.name);
    if (!pids) return null;
    for (const gpu of this.#monitor.latest?.gpus ?? []) {
      const mine = gpu.processes.some((process) => pids.has(process.pid));
      if (mine && (gpu.utilisation ?? 0) > 5) return `its processes use the GPU (${gpu.utilisation} %)`;
    }
    return null;
  }

  startPolling(): void {
    this.#monitor.startPolling(this.#plan.gpu.pollMs);
  }

  #onSnapshot(snapshot: GpuSnapshot): void {
    for (const [name, pids] of this.#o.trees()) {
      if (pids.size > 0) this.#pids.set(name, pids);
      const mib = heldBy(snapshot, pids);
      this.#held.set(name, mib);
      const leak = mib === null ? null : this.#leaks.add(name, snapshot.at, mib);
      if (leak) this.#o.log.warning("LOADER", leak.message);
    }
  }

  heldBy(service: string): number | null {
    return this.#held.get(service) ?? null;
  }
  isOnCpu(service: string): boolean {
    return this.#onCpu.has(service);
  }
  summary(): { description: string; used_mib: number | null; total_mib: number | null } | null {
    if (!this.present) return null;
    const now = this.#monitor.latest && totals(this.#monitor.latest);
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

  /** The last look, after the stop; says what is missing from the baseline, or that there is no GPU. */
  async final(): Promise<void> {
    if (this.present) await this.#monitor.final();
    else this.#o.log.info("LOADER", "VRAM at the end: no GPU");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(new DOMException("the GPU is let go", "AbortError"));
    await this.#firstContext;
    await this.#monitor[Symbol.asyncDispose]();
    await this.#source[Symbol.asyncDispose]();
  }
}
