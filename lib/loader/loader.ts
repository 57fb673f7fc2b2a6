/**
 * LoaderService: the plot of the whole program. Spec: §1.2, §12.
 *
 * precheck -> start each service in order, each past its gate before the next -> SYSTEM_READY -> greeting, once ->
 * watch, restart, tell -> ordered stop. What each step does is in the folder of its name, who is made of what in
 * assembly.ts; this file says only what follows what.
 */
import { shared } from "../async.ts";
import { ExitCode, LoaderError, reasonOf } from "../errors.ts";
import type { VramSnapshot } from "../gpu/coordinator.ts";
import { openHistory } from "../metrics/history.ts";
import type { DoctorReport } from "../model/doctor.ts";
import type { Observer } from "../model/events.ts";
import type { BootPlan } from "../model/plan.ts";
import type { ReloadReport } from "../model/difference.ts";
import type { LoaderState } from "../model/states.ts";
import type { LoaderStatus } from "../model/status.ts";
import type { ManagedService } from "../services/mod.ts";
import { degradedText } from "../supervise/capabilities.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import { environment, runtimeVersion } from "../sys/host.ts";
import { bindAll } from "../sys/process/libc.ts";
import { version } from "../version.ts";
import { goOnWith } from "./adoption.ts";
import { Assembly, type LoaderOptions } from "./assembly.ts";
import { BootInterpreter } from "./boot_interpreter.ts";
import { ControlDoor } from "./control.ts";
import { precheck } from "./precheck.ts";
import type { Reloader, ReloadOptions } from "./reload.ts";
import { loaderStatus } from "./status.ts";
import type { Giver } from "./takeover/hand_over.ts";
import { tearDown } from "./teardown.ts";
import { StartQueue } from "./start_queue.ts";

/**
 * A precheck that is over before this time does not load the control socket beside the work that the first service waits
 * for; one that takes longer (a GPU, a leftover) can be asked and stopped, ms.
 */
const controlAfterMs = 30;
/** Boots of the history that the doctor looks at. */
const recordsThatCount = 20;

/** One boot of one assistant: made, started once, stopped once. */
export class LoaderService implements AsyncDisposable {
  readonly bootId: string;
  #made: Assembly;
  #control: ControlDoor;
  #life: BootInterpreter;
  #queue: StartQueue;
  #reloader: Reloader | null = null;
  /** What the precheck is at, in words. */
  #doing: string | null = null;
  #prechecking: Promise<void> | null = null;
  #stopOnce: Promise<void> | null = null;
  #ended = Promise.withResolvers<ExitCode>();
  #exitCode: ExitCode = ExitCode.ok;

  constructor(plan: BootPlan, options: LoaderOptions) {
    const made = this.#made = new Assembly(plan, options);
    this.bootId = made.bootId;
    this.#queue = new StartQueue(made);
    made.status = () => this.status();
    this.#control = new ControlDoor(
      made,
      options.control === false ? null : {
        status: () => this.status(),
        restart: (name) => this.restartService(name),
        startService: (name) => this.startService(name),
        stopService: (name) => this.stopService(name),
        mute: (muted) => this.mute(muted),
        stop: (reason) => void this.#stop(reason),
        explain: async () => (await import("./explain.ts")).explain(this.#made, this.status()),
        elsewhere: async (signal) => {
          if (!this.plan.services.some(({ elsewhere }) => elsewhere)) return [];
          const { askElsewhere } = await import("../api/elsewhere.ts");
          return await askElsewhere(this.plan.services, { clock: made.clock, signal });
        },
        reload: (dryRun) => this.reload({ by: "requested on the control socket", dryRun }),
        vram: async () => (await import("../ui/vram_view.ts")).vramJson(await this.vramSnapshot()),
        upgrade: async (wish) => await (await import("./takeover/upgrade.ts")).upgrade(this.#giver, wish),
        takenOver: () => made.takenOver,
        events: made.happened,
        logFolder: plan.dirs.log,
        clock: made.clock,
        boots: (last) => openHistory(plan.dirs.state, { last }).records,
        metrics: () => this.metricsText(),
        doctor: shared(() => this.#diagnose()),
      },
    );
    this.#life = new BootInterpreter(made, (service) => {
      const why = "fail_fast_on_repeated_failures is set: stopping everything";
      made.log.error("LOADER", `${service} failed and ${why}`);
      this.#exitCode = ExitCode.boot;
      void this.#stop(`${service} failed`);
    });
  }

  /** Resolves with the exit code when everything is stopped, whoever asked for it. */
  get ended(): Promise<ExitCode> {
    return this.#ended.promise;
  }
  /** As it runs now: a reload replaces it. */
  get plan(): BootPlan {
    return this.#made.plan;
  }
  get state(): LoaderState {
    return this.#life.boot.phase;
  }
  get #isStopping(): boolean {
    return this.#made.stopping.signal.aborted;
  }

  /** The adapter of a service (§1.1). @throws LoaderError `unknown_service`. */
  service(name: string): ManagedService {
    return this.#made.supervisor(name).service;
  }

  status(): LoaderStatus {
    return loaderStatus(this.#made, this.#life.boot, this.#doing);
  }

  async #diagnose(): Promise<DoctorReport> {
    const { diagnose } = await import("../doctor/mod.ts");
    const records = openHistory(this.plan.dirs.state, { last: recordsThatCount }).records;
    const { signal } = this.#made.stopping;
    const look = { plan: this.plan, status: this.status(), records, env: environment(), signal };
    return (await diagnose(look)).report;
  }

  /** Figures of this boot and of the life after it, in Prometheus' text format. */
  async metricsText(): Promise<{ text: string; type: string }> {
    const { metricsType, renderMetrics } = await import("../metrics/prometheus.ts");
    const { counters } = this.#made;
    const text = renderMetrics({ status: this.status(), counters, build: { version, deno: runtimeVersion } });
    return { text, type: metricsType };
  }

  /** Tells each fact of this boot from now on. */
  observe(observer: Observer): Disposable {
    return this.#made.events.observe(observer);
  }

  /** Asks the GPU now: total, used and free memory, per service and per stranger (§5). */
  async vramSnapshot(): Promise<VramSnapshot> {
    const { gpu } = this.#made;
    if (!gpu) throw new LoaderError("usage", `the GPU is not open: the loader is ${this.state}`);
    return await gpu.report();
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
      const notUp = await this.#startServices();
      if (this.#isStopping) return false;
      const { supervisors } = this.#made;
      const failed = notUp.filter((name) => !supervisors.some((unit) => unit.name === name && unit.isOff));
      if (failed.length > 0 && !supervisors.some((supervisor) => supervisor.isUp)) {
        throw new LoaderError("boot_failed", `boot failed: nothing came up (${degradedText(supervisors)})`);
      }
      this.#life.sequenceOver();
      return this.#life.boot.phase === "SYSTEM_READY";
    } catch (error) {
      if (this.#isStopping && !(error instanceof LoaderError)) return false;
      this.#exitCode = error instanceof LoaderError ? error.exitCode : ExitCode.internal;
      const hint = error instanceof LoaderError && error.hint ? `; ${error.hint}` : "";
      this.#made.log.error("LOADER", reasonOf(error) + hint);
      this.#made.metrics.close("failed");
      await this.#stop("boot failed");
      throw error;
    }
  }

  /**
   * Instead of {@link startAll}: goes on with what an earlier version of this program handed over (`options.handed`).
   * @throws LoaderError when that cannot be; nothing was changed then, and the earlier version is to have it back.
   */
  async takeOver(): Promise<void> {
    const { takeOver } = await import("./takeover/take_over.ts");
    this.#made.takenOver = await takeOver(this.#giver, () => this.#control.open());
  }

  get #giver(): Giver {
    return { made: this.#made, life: this.#life };
  }

  async #precheck(): Promise<void> {
    const made = this.#made, { emit } = made.events;
    emit({ fact: "stage_begun", service: null, stage: "precheck" });
    this.#life.send({ type: "precheck" });
    using _control = this.#control.openAfter(controlAfterMs);
    const found = await precheck(made, (what) => this.#doing = what);
    made.makeServices(found);
    this.#doing = "waiting for the GPU";
    const gpu = await made.openGpu();
    emit({ fact: "prechecked", services: this.plan.services.length, gpu: gpu.description });
    await gpu.stage("precheck"); // what is in use before we start anything
    this.#doing = "taking over what an earlier loader left running";
    await goOnWith(made, found.adopted);
    await this.#control.opened(); // what is wrong with it is told before anything is started
    emit({ fact: "stage_over", service: null, stage: "precheck" });
  }

  async #startServices(): Promise<string[]> {
    this.#life.send({ type: "start" });
    const sequence = this.#queue.add(this.#made.supervisors);
    // The first service is on its way: what nobody waits for is done beside its load.
    bindAll();
    const [failed] = await Promise.all([sequence, this.#control.open(), import("../warmups/mod.ts")]);
    return failed;
  }

  /** Replaces a service by a fresh copy; true when that is up. Serialised with crashes, stops and other restarts. */
  async restartService(name: string): Promise<boolean> {
    const early = this.state === "PRECHECK";
    const supervisor = await this.#reached(name, "restart");
    const { actual } = supervisor.state;
    // Its turn in the boot had not come yet: the copy that it will bring is a fresh one, and the order stays.
    const before = actual === "idle" || actual === "standby" || (early && !supervisor.isUp);
    if (!this.#life.boot.sequenceOver && before && !supervisor.hadTurn) {
      supervisor.turnOn();
      return await supervisor.settles();
    }
    if (supervisor.isUp || supervisor.isLost) {
      this.#made.events.emit({ fact: "restart_wanted", service: name });
    }
    return await supervisor.restart();
  }

  /**
   * Reads the configuration again and takes over what has changed; the rest is not touched. Resolves when all that is
   * started for it is up or given up. @throws LoaderError that says what is wrong with it; nothing was changed then.
   */
  async reload(options: Partial<ReloadOptions> = {}): Promise<ReloadReport> {
    const { Reloader } = await import("./reload.ts");
    await this.#prechecking?.catch(() => {}); // what is wrong with it is told by startAll()
    this.#reloader ??= new Reloader(this.#made, this.#life, this.#queue);
    return await this.#reloader.reload({ by: "requested", dryRun: false, ...options });
  }

  /** Starts a service that is stopped or was given up; true when it is up. */
  async startService(name: string): Promise<boolean> {
    return (await this.#reached(name, "start")).isUp || await this.restartService(name);
  }

  /**
   * Stops a service until it is started again, by a person; the others go on and do not miss it. Resolves when its last
   * process is gone: true; false when something of it could not be ended.
   */
  async stopService(name: string): Promise<boolean> {
    const report = await (await this.#reached(name, "stop")).turnOff();
    return report === null || report.left.length === 0;
  }

  /**
   * Mutes the wake word, or listens again; it holds for every copy of KWD. True when the copy that runs has accepted it,
   * false when none runs. @throws LoaderError where it cannot be muted.
   */
  async mute(muted: boolean): Promise<boolean> {
    await this.#prechecking?.catch(() => {});
    const { wakeWord } = this.#made;
    if (!wakeWord || this.#isStopping) throw new LoaderError("usage", `not now: the loader is ${this.state}`);
    return await wakeWord.mute(muted);
  }

  /** A service that something is to be done to; in a precheck, when that is over. */
  async #reached(name: string, what: string): Promise<Supervisor<ManagedService>> {
    await this.#prechecking?.catch(() => {}); // what is wrong with it is told by startAll()
    if (this.#isStopping) {
      throw new LoaderError("usage", `cannot ${what} ${name}: the loader is ${this.state}`);
    }
    return this.#made.supervisor(name);
  }

  /** Stops everything in order and resolves when nothing is left. Safe at any moment, also in mid-boot, also twice. */
  async stopAll(reason = "requested"): Promise<void> {
    await this.#stop(reason);
  }

  /** From now on nobody gets grace: a second signal. */
  killAll(): void {
    this.#exitCode = ExitCode.killed;
    this.#made.force.abort();
    void this.#stop("second signal");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop("disposed");
  }

  #stop(reason: string): Promise<void> {
    return this.#stopOnce ??= this.#end(reason);
  }

  async #end(reason: string): Promise<void> {
    this.#life.send({ type: "stop" });
    this.#made.reserve?.[Symbol.dispose]();
    this.#made.stopping.abort(new DOMException("the loader is stopping", "AbortError"));
    await this.#prechecking?.catch(() => {}); // what it opens until it sees the abort is given back below, too
    await this.#control.opened().catch(() => {});
    const clean = await tearDown(this.#made, reason);
    if (!clean && this.#exitCode === ExitCode.ok) this.#exitCode = ExitCode.left;
    this.#life.send({ type: "stopped" });
    this.#ended.resolve(this.#exitCode);
  }
}
