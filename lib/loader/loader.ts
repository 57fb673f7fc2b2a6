/**
 * LoaderService: the plot of the whole program. Spec: §1.2, §12.
 *
 * precheck -> start each service in order, each past its gate before the next -> SYSTEM_READY -> greeting, once ->
 * watch, restart, tell -> ordered stop. What each step does is in the folder of its name; this file says only
 * what follows what, and owns what must be given back in the end.
 */
import { seconds } from "../text.ts";
import { EventBus } from "../model/event_bus.ts";
import type { Fact } from "../model/events.ts";
import type { LoaderState } from "../model/states.ts";
import { BootBook } from "../metrics/boot_metrics.ts";
import { requireDescriptors } from "../clean_start/descriptors.ts";
import { Prewarmer } from "../prewarm/prewarmer.ts";
import { startInOrder } from "../supervise/sequence.ts";
import { WakeWordControl } from "../voice/wake_word.ts";
import { controlSocket } from "../api/types.ts";
import { ExitCode, LoaderError, reasonOf } from "../errors.ts";
import type { Log } from "../log/mod.ts";
import type { KeptOutput } from "../services/context.ts";
import { type History, openHistory } from "../metrics/history.ts";
import type { BootPlan } from "../model/plan.ts";
import { offers } from "../controls/kinds.ts";
import { capabilities, degradedText } from "../supervise/capabilities.ts";
import { GpuCoordinator, type VramSnapshot } from "../gpu/coordinator.ts";
import {
  type Boot,
  type BootEffect,
  type BootEvent,
  bootStep,
  initialBoot,
  type Look,
} from "./boot_machine.ts";
import type { ServiceRecord, StateFile } from "../clean_start/state_file.ts";
import { precheck } from "./precheck.ts";
import { ProcessRegistry } from "./process_registry.ts";
import type { LoaderStatus } from "../model/status.ts";
import { plannedStatus, unitStatus } from "../supervise/status_of.ts";
import { sentences } from "../supervise/sentences.ts";
import { Unit } from "../supervise/supervisor.ts";
import { Strays } from "../supervise/strays.ts";
import { WatchOver } from "../supervise/guardian_keeper.ts";
import {
  bootIdVariable,
  createService,
  type Household,
  KwdService,
  type ManagedService,
  TtsService,
} from "../services/mod.ts";
import { shutdown } from "../supervise/shutdown.ts";
import { type Clock, systemClock } from "../sys/clock.ts";
import { runCommand } from "../sys/process/command.ts";
import { environment, ownPid, randomHex, runtimeVersion } from "../sys/host.ts";
import { holdBack } from "../sys/process/descriptors.ts";
import { bindAll, keepSpare } from "../sys/process/libc.ts";
import { becomeSubreaper, inheritedChildren } from "../sys/process/reaper.ts";
import { resolveDemo } from "../sys/self.ts";
import { version } from "../version.ts";

export interface LoaderOptions {
  /** Where all lines go. The caller's to dispose, after the loader. */
  log: Log;
  clock?: Clock;
  /** Monotonic time at which the program started, for `total_boot_ms`; default: now. */
  startedAt?: number;
  /** Boots before this one; default: the last ones of the state folder. */
  history?: History;
  /** Serve the control socket (`status`, `restart`, `stop`); default true. */
  control?: boolean;
  /** This process does nothing else: an orphan that it inherits is a service's, whoever it was. Default false. */
  ownProcess?: boolean;
}

/**
 * A precheck that is over before this time does not load the control socket beside the work that the first service waits
 * for; one that takes longer (a GPU, a leftover) can be asked and stopped, ms.
 */
const controlAfterMs = 30;
/** The files that are written take two, a command to ask the GPU six. */
const descriptorsOfStop = 16;

/** One boot of one assistant: made, started once, stopped once. */
export class LoaderService implements AsyncDisposable {
  readonly plan: BootPlan;
  readonly bootId: string = randomHex(16);
  #log: Log;
  #clock: Clock;
  #startedAt: number;
  #control: boolean;
  #ownProcess: boolean;
  #boot: Boot = initialBoot;
  #units: Unit<ManagedService>[] = [];
  #stack = new AsyncDisposableStack();
  #stopping = new AbortController();
  #hurry = new AbortController();
  #stopOnce: Promise<void> | null = null;
  #prechecking: Promise<void> | null = null;
  #openingControl: Promise<void> | null = null;
  /** What the precheck is at, in words. */
  #doing: string | null = null;
  #ended = Promise.withResolvers<ExitCode>();
  #exitCode: ExitCode = ExitCode.ok;
  #book: BootBook;
  #prewarmer: Prewarmer;
  #events = new EventBus((error) =>
    this.#log.error("LOADER", `An observer of the boot failed and is told nothing more: ${reasonOf(error)}`)
  );
  #gpu: GpuCoordinator | null = null;
  #stateFile: StateFile | null = null;
  #strays: Strays | null = null;
  /** Descriptors for the stop, which must not fail for want of one. */
  #reserve: Disposable | null = null;
  #wakeWord: WakeWordControl | null = null;
  #totalBootMs: number | null = null;

  constructor(plan: BootPlan, options: LoaderOptions) {
    this.plan = plan;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#startedAt = options.startedAt ?? this.#clock.now();
    this.#control = options.control ?? true;
    this.#ownProcess = options.ownProcess ?? false;
    this.#book = new BootBook({
      clock: this.#clock,
      startedAt: this.#startedAt,
      facts: { boot: this.bootId, version, config: plan.configPath, deno: runtimeVersion },
      history: options.history ?? openHistory(plan.dirs.state, { last: 20 }),
      greeting: plan.greeting,
      warn: (message) => this.#log.warning("LOADER", message),
    });
    this.#prewarmer = this.#stack.use(
      new Prewarmer({
        clock: this.#clock,
        files: plan.prewarm.files,
        tokenizers: plan.prewarm.tokenizers,
        env: environment(),
        signal: this.#stopping.signal,
        emit: this.#events.emit,
      }),
    );
    this.#events.observe((fact) => this.#book.note(fact));
    this.#events.observe((fact) => this.#prewarmer.note(fact));
    this.#events.observe(sentences(this.#log, plan.services));
    this.#events.observe((fact) => this.#onFact(fact));
  }

  /** Resolves with the exit code when everything is stopped, whoever asked for it. */
  get ended(): Promise<ExitCode> {
    return this.#ended.promise;
  }
  get state(): LoaderState {
    return this.#boot.phase;
  }

  /** The adapter of a service (§1.1). @throws LoaderError `unknown_service`. */
  service(name: string): ManagedService {
    return this.#unit(name).service;
  }

  /**
   * Boots. True when SYSTEM_READY was reached (the greeting then runs by itself), false when the boot ended DEGRADED
   * or was stopped. @throws LoaderError when nothing could be started: precheck (exit 3) or boot (exit 4); all that
   * was begun is undone by then.
   */
  async startAll(): Promise<boolean> {
    if (this.state !== "INIT") throw new LoaderError("usage", `cannot start: the loader is ${this.state}`);
    try {
      await (this.#prechecking = this.#precheck());
      const failed = await this.#startServices();
      if (this.#stopping.signal.aborted) return false;
      if (failed.length > 0 && !this.#units.some((unit) => unit.isUp)) {
        throw new LoaderError("boot_failed", `boot failed: nothing came up (${degradedText(this.#units)})`);
      }
      this.#send({ type: "sequence_over", look: this.#look() });
      return this.#boot.phase === "SYSTEM_READY";
    } catch (error) {
      if (this.#stopping.signal.aborted && !(error instanceof LoaderError)) return false;
      this.#exitCode = error instanceof LoaderError ? error.exitCode : ExitCode.internal;
      const hint = error instanceof LoaderError && error.hint ? `; ${error.hint}` : "";
      this.#log.error("LOADER", reasonOf(error) + hint);
      this.#book.close("failed");
      await this.#stop("boot failed");
      throw error;
    }
  }

  /** Stops everything in order and resolves when nothing is left. Safe at any moment, also in mid-boot, also twice. */
  async stopAll(reason = "requested"): Promise<void> {
    await this.#stop(reason);
  }

  /** From now on nobody gets grace: a second signal. */
  killAll(): void {
    this.#exitCode = ExitCode.killed;
    this.#hurry.abort();
    void this.#stop("second signal");
  }

  /** Replaces a service by a fresh copy; true when that is up. Serialised with crashes, stops and other restarts. */
  async restartService(name: string): Promise<boolean> {
    const early = this.state === "PRECHECK";
    if (early) await this.#prechecking?.catch(() => {}); // what is wrong with it is told by startAll()
    if (this.#stopping.signal.aborted) {
      throw new LoaderError("usage", `cannot restart ${name}: the loader is ${this.state}`);
    }
    const unit = this.#unit(name);
    const { actual } = unit.state;
    // Its turn in the boot had not come yet: the copy that it will bring is a fresh one, and the order stays.
    const before = actual === "idle" || actual === "standby" || (early && !unit.isUp);
    if (!this.#boot.sequenceOver && before) return await unit.settles();
    if (unit.isUp || unit.isLost) this.#events.emit({ fact: "restart_wanted", service: name });
    return await unit.restart();
  }

  status(): LoaderStatus {
    const now = this.#clock.now();
    return {
      state: this.state,
      doing: this.state === "PRECHECK" ? this.#doing : null,
      boot: this.bootId,
      version,
      pid: ownPid,
      instance: this.plan.instance,
      config: this.plan.configPath,
      log_dir: this.plan.dirs.log,
      up_sec: Math.round((now - this.#startedAt) / 100) / 10,
      total_boot_ms: this.#totalBootMs,
      capabilities: capabilities(this.#units),
      degraded: this.#boot.sequenceOver ? degradedText(this.#units) : null,
      greeting: this.#wakeWord?.outcome ?? "none",
      listening: this.#canResumeKwd() ? this.#wakeWord?.listening ?? false : null,
      services: this.#units.length > 0
        ? this.#units.map((unit) => unitStatus(unit, now, this.#gpu))
        : this.plan.services.map(plannedStatus),
      gpu: this.#gpu?.summary() ?? null,
    };
  }

  /** Asks the GPU now: total, used and free memory, per service and per stranger (§5). */
  async vramSnapshot(): Promise<VramSnapshot> {
    return await this.#gpuDesk().report();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop("disposed");
  }

  // ---- the boot ----

  async #precheck(): Promise<void> {
    const { plan } = this;
    this.#events.emit({ fact: "stage_begun", service: null, stage: "precheck" });
    this.#send({ type: "precheck" });
    requireDescriptors(plan.services.length);
    keepSpare();
    this.#reserve = holdBack(descriptorsOfStop);
    using _control = this.#clock.after(controlAfterMs, () => void this.#openControl().catch(() => {}));
    const times = this.#book.readyTimes;
    const { keep, stateFile, adopted } = await precheck(plan, {
      bootId: this.bootId,
      clock: this.#clock,
      log: this.#log,
      signal: this.#stopping.signal,
      known: new Set(Object.keys(times)),
      held: this.#stack,
      doing: (what) => this.#doing = what,
    });
    this.#stateFile = stateFile;
    this.#book.keep = true;
    for (const warning of this.#book.history.warnings) this.#log.warning("LOADER", warning);
    // Whoever our shell had in the background before it became us is a child of ours that we know nothing of.
    const inheritsOnlyOurs = this.#ownProcess && inheritedChildren().length === 0;
    const knowsStrays = becomeSubreaper() && inheritsOnlyOurs;
    const guardian = plan.onLoaderDeath === "keep" ? null : this.#stack.use(
      new WatchOver({
        bootId: this.bootId,
        graceMs: plan.shutdown.graceMs,
        log: this.#log,
        clock: this.#clock,
      }),
    );
    const { bootId } = this;
    const registry = new ProcessRegistry({ bootId, clock: this.#clock, stateFile, guardian, keep });
    if (knowsStrays) this.#strays = this.#makeStrays(registry);
    this.#makeUnits(registry, keep, times);
    this.#wakeWord = this.#makeWakeWord();
    this.#doing = "waiting for the GPU";
    const gpu = this.#stack.use(
      await GpuCoordinator.open(plan, {
        clock: this.#clock,
        log: this.#log,
        startedAt: this.#startedAt,
        signal: this.#stopping.signal,
        run: (argv, limits) =>
          runCommand(argv, {
            ...limits,
            env: { [bootIdVariable]: bootId },
            owner: registry.commands,
          }),
        records: this.#book.history.records,
        trees: () =>
          new Map(this.#units.map((unit) => [unit.name, unit.service.copy?.processTree() ?? new Set()])),
        emit: this.#events.emit,
      }),
    );
    this.#gpu = gpu;
    const { length } = plan.services;
    this.#log.info(
      "LOADER",
      `PRECHECK: ports free, ${length} ${length === 1 ? "service" : "services"}, ${gpu.description}`,
    );
    await gpu.stage("precheck"); // what is in use before we start anything
    this.#doing = "taking over what an earlier loader left running";
    await this.#adopt(adopted);
    await this.#openingControl; // if it was begun: what is wrong with it is told before anything is started
    this.#events.emit({ fact: "stage_over", service: null, stage: "precheck" });
  }

  /** Goes on with what a dead loader's services left running, as far as it is healthy; the rest is stopped. */
  async #adopt(records: ReadonlyMap<string, ServiceRecord>): Promise<void> {
    await Promise.all([...records].map(async ([name, record]) => {
      const unit = this.#unit(name);
      const whyNot = await unit.service.adopt(record);
      if (whyNot === null) {
        unit.adopt();
        // The assistant went on without us: it has greeted, or it is too late for that.
        if (unit.service instanceof KwdService) this.#wakeWord?.send({ type: "adopted" });
      } else {
        this.#events.emit({ fact: "not_adopted", service: name, pid: record.pid, why: whyNot });
        await unit.service.stop();
      }
    }));
  }

  #makeUnits(
    registry: ProcessRegistry,
    keep: KeptOutput | null,
    times: Readonly<Record<string, number[]>>,
  ): void {
    const { plan } = this;
    const household: Household = {
      bootId: this.bootId,
      clock: this.#clock,
      log: this.#log,
      emit: this.#events.emit,
      environment: environment(),
      runtimeDir: plan.dirs.runtime,
      keep,
      resolve: resolveDemo,
      born: (service, child) => registry.born(service, child),
      seen: (service, child, who) => registry.seen(service, child, who),
      buried: (service, child) => registry.buried(service, child),
      commands: registry.commands,
    };
    this.#units = plan.services.map((service) =>
      new Unit(this.#stack.use(createService(service, household)), {
        clock: this.#clock,
        emit: this.#events.emit,
        hooks: {
          looked: () => this.#strays?.look(),
          beforeStart: (unit, signal) => this.#gpuDesk().beforeStart(unit, signal),
          beforeUp: (unit, signal) => this.#gpuDesk().beforeUp(unit, signal),
          beforeStop: (unit) => this.#gpuDesk().beforeStop(unit),
          afterStop: (unit) => this.#gpuDesk().afterStop(unit),
          signOfWork: (unit) => this.#gpuDesk().signOfWork(unit),
        },
        pollMaxMs: plan.pollMaxMs,
        expectedReadyMs: times[service.name]?.at(-1) ?? null,
      })
    );
  }

  #makeStrays(registry: ProcessRegistry): Strays {
    return new Strays({
      claimed: (orphan) => this.#units.some((unit) => unit.service.copy?.claims(orphan)),
      note: (who) => registry.strays(who),
    });
  }

  async #startServices(): Promise<string[]> {
    this.#send({ type: "start" });
    let gateAt = this.#clock.now();
    const sequence = startInOrder(this.#units, {
      signal: this.#stopping.signal,
      lookahead: this.plan.prewarm.enabled ? this.plan.lookahead : 0,
      prepare: (next) => {
        next.prepare();
        if (!next.isUp) this.#prewarmer.start(next);
      },
      stage: async (unit) => {
        gateAt = this.#clock.now();
        if (unit.isUp) await this.#gpu?.stage(unit.name);
      },
      onGate: ({ name }) =>
        this.#events.emit({ fact: "gate_passed", service: name, lagMs: this.#clock.now() - gateAt }),
    });
    // The first service is on its way: what nobody waits for is done beside its load.
    bindAll();
    const [failed] = await Promise.all([sequence, this.#openControl(), import("../warmups/mod.ts")]);
    return failed;
  }

  /** `status`, `restart` and `stop` find us from now on. */
  #openControl(): Promise<void> {
    return this.#openingControl ??= this.#serveControl();
  }

  async #serveControl(): Promise<void> {
    if (!this.#control || this.#stopping.signal.aborted) return;
    const { serveControl } = await import("../api/server.ts");
    const server = await serveControl(controlSocket(this.plan.dirs.runtime), {
      status: () => this.status(),
      restart: (name) => this.restartService(name),
      stop: (reason) => void this.#stop(reason),
      vram: () => this.vramSnapshot(),
    }, { clock: this.#clock, log: (level, message) => this.#log.line("LOADER", level, message) });
    this.#stack.use(server);
  }

  // ---- what follows from a fact ----

  #onFact(fact: Fact): void {
    if (fact.fact === "state") return this.#onChange(fact);
    if (fact.fact !== "greeted") return;
    const voice = this.#units.find((unit) => unit.name === fact.voice);
    if (voice && fact.report.outcome === "spoken") voice.unproved = false;
  }

  #onChange({ service, from, to }: Extract<Fact, { fact: "state" }>): void {
    const unit = this.#unit(service);
    if (to === "up") {
      const { copy } = unit.service;
      if (copy) this.#stateFile?.note(unit.name, copy, { ready: true });
    }
    if (unit.service instanceof KwdService) {
      this.#wakeWord?.send({ type: to === "up" ? "kwd_up" : "kwd_down" });
    }
    if (this.#stopping.signal.aborted) return;
    if (to === "failed" && this.plan.failFast) {
      this.#log.error(
        "LOADER",
        `${unit.name} failed and fail_fast_on_repeated_failures is set: stopping everything`,
      );
      this.#exitCode = ExitCode.boot;
      return void this.#stop(`${unit.name} failed`);
    }
    if (!this.#boot.sequenceOver) return; // until then nobody is missed, and looking at hundreds would be felt
    if (from === "up") this.#send({ type: "lost", lost: { name: unit.name, at: this.#clock.now() } });
    if (to === "up" || unit.isLost) this.#send({ type: "changed", look: this.#look() });
  }

  #look(): Look {
    const units = this.#units;
    return {
      allUp: units.every((unit) => unit.isUp),
      givenUp: units.some((unit) => unit.isLost),
      text: degradedText(units),
    };
  }

  #send(event: BootEvent): void {
    const from = this.state;
    const { boot, effects } = bootStep(this.#boot, event);
    this.#boot = boot;
    if (from !== this.state) this.#events.emit({ fact: "loader_state", from, to: this.state });
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: BootEffect): void {
    switch (effect.do) {
      case "announce_ready":
        this.#log.info("LOADER", "All services running (warm-ups complete); entering SYSTEM_READY");
        this.#totalBootMs = this.#book.recorder.ready();
        return this.#log.info("LOADER", `SYSTEM_READY: ${this.#book.totalLine(this.#totalBootMs)}`);
      case "announce_back": {
        const names = effect.lost.map(({ name }) => name);
        const ms = this.#clock.now() - Math.min(...effect.lost.map(({ at }) => at));
        return this.#log.info(
          "LOADER",
          `SYSTEM_READY again: ${names.join(", ")} ${names.length === 1 ? "is" : "are"} back after ${
            seconds(ms)
          }`,
        );
      }
      case "tell_degraded":
        return this.#log.warning("LOADER", `DEGRADED: ${effect.text}`);
      case "poll_gpu":
        return this.#gpu?.startPolling();
      case "wake_word":
        if (effect.event === "system_ready" && this.#wakeWord!.greeted) this.#book.close("ready");
        return this.#wakeWord?.send({ type: effect.event });
      case "close_record":
        return this.#book.close("degraded");
    }
  }

  #makeWakeWord(): WakeWordControl {
    const tts = this.#units.map((unit) => unit.service).find((s) => s instanceof TtsService) ?? null;
    const kwd = this.#kwd();
    return new WakeWordControl({
      plan: this.plan.greeting,
      kwd: kwd && kwd.service instanceof KwdService ? kwd.service : null,
      tts,
      clock: this.#clock,
      log: this.#log,
      bootId: this.bootId,
      signal: this.#stopping.signal,
      knownOverBudget: this.#book.knowsOverBudget,
      emit: this.#events.emit,
    });
  }

  // ---- the end ----

  #stop(reason: string): Promise<void> {
    return this.#stopOnce ??= this.#teardown(reason);
  }

  async #teardown(reason: string): Promise<void> {
    this.#send({ type: "stop" });
    this.#reserve?.[Symbol.dispose]();
    this.#stopping.abort(new DOMException("the loader is stopping", "AbortError"));
    await this.#prechecking?.catch(() => {}); // what it opens until it sees the abort is given back below, too
    await this.#openingControl?.catch(() => {});
    const order = this.plan.stopOrder.map((name) => this.#units.find((unit) => unit.name === name)).filter((
      u,
    ) => !!u);
    let somethingLeft = false;
    if (order.length > 0) {
      this.#log.info("LOADER", `Stopping (${reason}): ${order.map((unit) => unit.name).join(", ")}`);
      const { left, ours } = await shutdown(order, {
        clock: this.#clock,
        log: this.#log,
        budgetMs: this.plan.shutdown.budgetMs,
        hurry: this.#hurry.signal,
        strays: this.#strays,
        strayGraceMs: this.plan.shutdown.graceMs,
      });
      somethingLeft = ours;
      if (left.length > 0) this.#log.error("LOADER", `Something of ${left.join(", ")} could not be stopped`);
      if (ours && this.#exitCode === ExitCode.ok) this.#exitCode = ExitCode.left;
      await Promise.all(order.map((unit) => unit.idle()));
    }
    await this.#wakeWord?.idle();
    if (order.length > 0) await this.#gpu?.final(this.#hurry.signal);
    this.#book.close("stopped");
    await this.#book.written();
    if (somethingLeft) this.#stateFile?.write();
    else this.#stateFile?.clear();
    await this.#stack.disposeAsync();
    if (order.length > 0 && !somethingLeft) this.#log.info("LOADER", "Shutdown complete");
    this.#send({ type: "stopped" });
    this.#ended.resolve(this.#exitCode);
  }

  // ---- small things ----

  #unit(name: string): Unit<ManagedService> {
    const unit = this.#units.find((unit) => unit.name === name);
    if (unit) return unit;
    const names = this.plan.services.map((service) => service.name).join(", ");
    throw new LoaderError("unknown_service", `there is no service ${JSON.stringify(name)}`, {
      hint: `services: ${names}`,
    });
  }

  /** A KWD that has no control for it listens or not, and nobody can know. */
  #canResumeKwd(): boolean {
    const kwd = this.plan.services.find((service) => service.role === "kwd");
    return kwd === undefined || offers(kwd.control, "resume");
  }

  #kwd(): Unit<ManagedService> | null {
    return this.#units.find((unit) => unit.service instanceof KwdService) ?? null;
  }

  #gpuDesk(): GpuCoordinator {
    if (!this.#gpu) throw new LoaderError("usage", `the GPU is not open: the loader is ${this.state}`);
    return this.#gpu;
  }
}
