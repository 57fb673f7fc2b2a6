/**
 * The adapter of every service: has copies of it (or, external, only watches what somebody else runs), asks its probes
 * and gives its warm-up. Decides nothing: when to start, to restart and to stop is the supervisor's. Spec: §1.1.
 */
import type { Ask } from "../controls/kind.ts";
import type { KeptRelay, Relay } from "../log/mod.ts";
import type { ProbeSpec, ServicePlan } from "../model/plan.ts";
import type { PrepareReport, StopReport, WarmupResult } from "../model/reports.ts";
import {
  createProbe,
  type Probe,
  type ProbeResult,
  type ProbeTarget,
  waitReady,
  type WaitResult,
} from "../probes/mod.ts";
import { type RunCommand, runCommand } from "../sys/process/command.ts";
import type { ColdCheck } from "../warmups/mod.ts";
import type { ServiceAdapter } from "./adapter.ts";
import type { ReadyOptions, Supervised } from "./supervised.ts";
import { Copies } from "./copies.ts";
import type { AdoptedRecord, KeptCopy, ServiceProcess } from "./service_process.ts";
import { type ServiceContext, serviceEnvironment } from "./context.ts";

/** What an earlier version of this program had of a service when it executed this one. */
export interface KeptService {
  copy: KeptCopy | null;
  /** The descriptor of its notify socket. */
  notify: number | null;
  relay: KeptRelay;
  /** Of KWD: reasons other than ours under which it is paused. */
  mutes?: string[];
  /** And of ours. */
  held?: string[];
}

/** For one check while readiness is awaited, ms. */
const readyCheckMs = 2000;

export class ManagedService implements ServiceAdapter, Supervised, AsyncDisposable {
  readonly name: string;
  readonly relay: Relay;
  protected readonly context: ServiceContext;
  /** Runs a command of this service's as the service itself runs: in its folder, with its environment. */
  protected readonly run: RunCommand;
  #plan: ServicePlan;
  /** Null: it is external. */
  #copies: Copies | null;
  #probes: Probe[] = [];
  #healthProbes: Probe[] = [];
  #coldCheck: ColdCheck | null | undefined;

  constructor(plan: ServicePlan, context: ServiceContext) {
    this.#plan = plan;
    this.name = plan.name;
    this.context = context;
    this.relay = context.log.relay(plan.tag);
    this.#copies = plan.manage === "external" ? null : new Copies(plan, context, this.relay);
    this.run = (argv, limits) => {
      const { workdir: cwd, plan } = this;
      return runCommand(argv, {
        ...limits,
        cwd,
        env: serviceEnvironment(plan, context),
        owner: context.commands,
      });
    };
  }

  get plan(): ServicePlan {
    return this.#plan;
  }
  get cmd(): readonly string[] {
    return this.context.resolve(this.plan.argv);
  }
  get env(): Readonly<Record<string, string>> {
    return this.plan.env;
  }
  get workdir(): string {
    return this.plan.workdir;
  }
  get external(): boolean {
    return this.#copies === null;
  }
  /** What asking it for something may need. */
  protected get means(): Pick<Ask, "clock" | "run" | "scratch" | "link"> {
    const { clock, runtimeDir } = this.context;
    return { clock, run: this.run, scratch: runtimeDir, link: this.plan.link };
  }
  /** The copy that runs; null when none does, or it is external. */
  get copy(): ServiceProcess | null {
    return this.#copies?.current ?? null;
  }
  bindPort(): number | null {
    return this.plan.bindPort;
  }
  pid(): number | null {
    return this.copy?.pid ?? null;
  }

  lastLines(n: number): string[] {
    return this.relay.lastLines(n);
  }

  get boundEarly(): boolean {
    return this.#copies?.boundEarly ?? false;
  }

  /** Starts a copy ahead of its turn, if configured; resolves when it said that it is prepared. Files are the boot's business. */
  async prepareAsync(signal: AbortSignal): Promise<PrepareReport> {
    if (this.plan.prepare.standby && this.#copies && !this.copy) return await this.#copies.prepare(signal);
    return { kind: "none", ms: 0, bytes: null, cachedShare: null, problem: null };
  }

  /** Spawns a copy, or releases the one that stands by. */
  async start(signal?: AbortSignal): Promise<void> {
    await this.#copies?.start(signal);
  }

  /**
   * Takes over the process that an earlier loader started and that the caller has proved to be the same. Null when all
   * its probes hold now, else why it is not to be gone on with. What it said once (a line, READY=1) is not said again:
   * for that its record counts.
   */
  async adopt(recorded: AdoptedRecord): Promise<string | null> {
    const { outputLost } = this.#copies!.adopt(recorded);
    if (outputLost !== null) return `cannot be read on (${outputLost})`;
    this.#createProbes();
    const asked = this.#probes.filter((probe) => !probe.onReady);
    if (asked.length < this.#probes.length && !recorded.ready) return "was not ready when its loader ended";
    const results = await this.#ask([...asked, ...this.#healthProbes], readyCheckMs, AbortSignal.any([]));
    return results.every((result) => result.state === "ready") ? null : "is not ready";
  }

  /** Not to another role, nor between spawned and external: that is another service. */
  replan(plan: ServicePlan): void {
    this.#plan = plan;
    if (this.#copies) this.#copies.plan = plan;
    this.#coldCheck = undefined;
    if (this.#probes.length === 0) return; // nobody asks it now
    for (const probe of this.#healthProbes) probe[Symbol.dispose]();
    this.#healthProbes = this.#create(plan.health.probes);
  }

  /** All of it that another version of this program goes on with. */
  get kept(): KeptService {
    return { copy: this.copy?.kept ?? null, notify: this.#copies?.notifyFd ?? null, relay: this.relay.kept };
  }

  /** Goes on with what an earlier version had; `recorded`: its copy, when it had one. */
  goOn({ copy, notify, relay }: KeptService, recorded: AdoptedRecord | undefined): void {
    this.relay.goOn(relay);
    if (notify !== null) this.#copies?.keepNotify(notify);
    if (copy && recorded) this.#copies?.adopt(recorded, copy);
    if (this.copy || this.external) this.#createProbes();
  }

  #target(): ProbeTarget {
    return this.copy ?? {
      name: this.name,
      leaderPid: () => null,
      processTree: () => null,
      onLine: (fn) => this.relay.onLine(fn),
      notifiedReady: false,
      onNotifyReady: () => ({ [Symbol.dispose]() {} }),
    };
  }

  #create(specs: readonly ProbeSpec[]): Probe[] {
    return specs.map((spec) =>
      createProbe(spec, this.#target(), { clock: this.context.clock, run: this.run, link: this.plan.link })
    );
  }

  #createProbes(): void {
    this.#letGo();
    this.#probes = this.#create(this.plan.readiness);
    this.#healthProbes = this.#create(this.plan.health.probes);
  }

  /**
   * Resolves when all readiness probes hold at once, or one stays wrong. Rejects only with `signal`'s reason: the time
   * limit, the copy's death and a stop are the caller's, who aborts with a reason of its own.
   */
  async awaitReady(o: ReadyOptions): Promise<WaitResult> {
    this.#createProbes();
    return await waitReady(this.#probes, {
      ...o,
      clock: this.context.clock,
      timeoutMs: readyCheckMs,
      onActivity: this.copy?.onActivity.bind(this.copy),
    });
  }

  async wake(signal: AbortSignal): Promise<{ failed: string | null } | null> {
    const { wake } = this.plan;
    if (!wake) return null;
    if (this.#probes.length === 0) this.#createProbes();
    const results = await this.#ask(this.#probes, readyCheckMs, signal);
    // Whoever refuses a connection is awake.
    const silent = results.some((result) =>
      result.state === "timeout" ||
      result.state === "waiting" && result.unheard && !/refused/.test(result.detail)
    );
    if (!silent) return null;
    const { sendMagicPacket } = await import("../sys/net/wake_on_lan.ts");
    return { failed: await sendMagicPacket(wake.mac, wake) };
  }

  /** Runs the warm-up once. Loaded when it is first needed: no boot waits for it before its first spawn. */
  async warm(signal: AbortSignal): Promise<WarmupResult> {
    const { runWarmup } = await import("../warmups/mod.ts");
    const { context: { clock }, plan: { warmup, link }, run } = this;
    return await runWarmup(warmup, { clock, signal, run, link });
  }

  /** Why what was warmed is cold again, in words; null while it is warm, or where nobody can tell. */
  async coldBecause(signal: AbortSignal): Promise<string | null> {
    if (this.#coldCheck === undefined) {
      const { role, warmup } = this.plan;
      const keepWarm = warmup.keepWarm ?? (role !== "stt" && role !== "tts");
      const { coldCheck } = await import("../warmups/mod.ts");
      this.#coldCheck = keepWarm ? coldCheck(warmup) : null;
    }
    const { context: { clock }, plan: { health: { timeoutMs }, link } } = this;
    return await this.#coldCheck?.({ clock, signal, timeoutMs, link }) ?? null;
  }

  async isReady(signal: AbortSignal = AbortSignal.any([])): Promise<boolean> {
    if (this.external && this.#probes.length === 0) this.#createProbes();
    const results = await this.#ask(this.#probes, readyCheckMs, signal);
    return results.length > 0 && results.every((result) => result.state === "ready");
  }

  async isHealthy(): Promise<boolean> {
    return (await this.checkHealth(AbortSignal.any([]))).state === "ready";
  }

  /** Asks the health probes once; the first answer that is not "ready" counts. */
  async checkHealth(signal: AbortSignal): Promise<ProbeResult> {
    const results = await this.#ask(this.#healthProbes, this.plan.health.timeoutMs, signal);
    return results.find((result) => result.state !== "ready") ??
      { state: "ready", detail: results[0]?.detail ?? "" };
  }

  async #ask(probes: readonly Probe[], timeoutMs: number, signal: AbortSignal): Promise<ProbeResult[]> {
    return await Promise.all(probes.map((probe) => probe.check({ signal, timeoutMs })));
  }

  async stop(graceSec: number = this.plan.graceMs / 1000, force?: AbortSignal): Promise<StopReport> {
    this.#letGo();
    return await this.#copies?.stop(graceSec * 1000, force) ??
      { ms: 0, how: null, killed: false, left: [], stuck: false };
  }

  #letGo(): void {
    for (const probe of [...this.#probes, ...this.#healthProbes]) probe[Symbol.dispose]();
    this.#probes = [];
    this.#healthProbes = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#letGo();
    await this.#copies?.[Symbol.asyncDispose]();
  }
}
