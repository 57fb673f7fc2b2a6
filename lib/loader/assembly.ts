/** Who is made of what, in one boot. What only the precheck can make is null until then. Spec: §1.1, §12. */
import type { Claims } from "../clean_start/claims.ts";
import type { StateFile } from "../clean_start/state_file.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { GpuCoordinator } from "../gpu/coordinator.ts";
import type { Log } from "../log/mod.ts";
import { BootMetrics } from "../metrics/boot_metrics.ts";
import { Counters } from "../metrics/counters.ts";
import { type History, openHistory } from "../metrics/history.ts";
import { EventRing } from "../api/event_ring.ts";
import { EventBus } from "../model/event_bus.ts";
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import type { LoaderStatus } from "../model/status.ts";
import type { Actual } from "../model/states.ts";
import { Prewarmer } from "../prewarm/prewarmer.ts";
import type { KeptOutput } from "../services/context.ts";
import {
  bootIdVariable,
  createService,
  KwdService,
  type ManagedService,
  type ServiceContext,
  TtsService,
} from "../services/mod.ts";
import { Causes } from "../supervise/causes.ts";
import { GuardianKeeper } from "../supervise/guardian_keeper.ts";
import { Strays } from "../supervise/strays.ts";
import { Supervisor } from "../supervise/supervisor.ts";
import { type Clock, systemClock } from "../sys/clock.ts";
import { environment, randomHex, runtimeVersion } from "../sys/host.ts";
import { type RunCommand, runCommand } from "../sys/process/command.ts";
import { becomeSubreaper, inheritedChildren } from "../sys/process/reaper.ts";
import { resolveDemo } from "../sys/self.ts";
import { version } from "../version.ts";
import { WakeWordControl } from "../voice/wake_word.ts";
import { observers } from "./observers.ts";
import type { Prechecked } from "./precheck.ts";
import { ProcessRegistry } from "./process_registry.ts";
import type { Handover } from "./takeover/handover.ts";
import type { TakeOver } from "../api/types.ts";

export interface LoaderOptions {
  /** Where all lines go. The caller's to dispose, after the loader. */
  log: Log;
  clock?: Clock;
  /** Monotonic time at which the program started, for `total_boot_ms`; default: now. */
  startedAt?: number | undefined;
  /** Boots before this one; default: the last ones of the state folder. */
  history?: History;
  /** Serve the control socket (`status`, `restart`, `stop`); default true. */
  control?: boolean;
  /** Reads the configuration again, for a reload. Left out: there is none to be read. @throws what is wrong with it. */
  reread?: () => Promise<BootPlan>;
  /** This process does nothing else: an orphan that it inherits is a service's, whoever it was. Default false. */
  ownProcess?: boolean;
  /** This is a program that another version of it has executed: it goes on with these (see `takeOver`). */
  handed?: Handover | undefined;
  /** What the demo runs on (`Loaded`), for the version of the program that takes over from this one. */
  demoPorts?: readonly number[];
}

export class Assembly {
  /** A reload replaces it: what asks it later follows it. */
  plan: BootPlan;
  readonly reread: (() => Promise<BootPlan>) | null;
  readonly bootId: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly startedAt: number;
  readonly events: EventBus;
  readonly happened: EventRing;
  readonly metrics: BootMetrics;
  readonly counters: Counters;
  readonly prewarmer: Prewarmer;
  readonly causes: Causes = new Causes();
  readonly demoPorts: readonly number[];
  /** What an earlier version of this program handed over when it executed this one; null: this is a boot. */
  readonly handed: Handover | null;
  /** Owns what must be given back in the end. */
  readonly held = new AsyncDisposableStack();
  /** Aborted when everything is to stop, and when nobody is to get grace any more. */
  readonly stopping = new AbortController();
  readonly force = new AbortController();

  /** Descriptors for the stop, which must not fail for want of one. */
  reserve: Disposable | null = null;
  claims: Claims | null = null;
  /** Null where the services are to outlive us. */
  guardian: GuardianKeeper | null = null;
  /** In start order; before them those that a reload has dismissed and that are not gone yet. */
  supervisors: readonly Supervisor<ManagedService>[] = [];
  stateFile: StateFile | null = null;
  strays: Strays | null = null;
  wakeWord: WakeWordControl | null = null;
  gpu: GpuCoordinator | null = null;
  /** What a service's change means for the boot: BootInterpreter's. */
  onChange: (supervisor: Supervisor<ManagedService>, from: Actual, to: Actual) => void = () => {};
  /** How all of it is: LoaderService's. */
  status!: () => LoaderStatus;
  /** Runs a command that is known by the boot's mark and ended with us, once the precheck has made who sees to that. */
  readonly run: RunCommand = (argv, limits) => {
    const env = { [bootIdVariable]: this.bootId };
    return runCommand(argv, { ...limits, env, owner: this.registry!.commands });
  };
  /** How this version of the program came to its boot; null: it booted it. */
  takenOver: TakeOver | null = null;
  registry: ProcessRegistry | null = null;
  /** Every orphan that we inherit is a service's. */
  knowsStrays = false;
  #context: ServiceContext | null = null;
  #ownProcess: boolean;

  constructor(plan: BootPlan, options: LoaderOptions) {
    const { log, clock = systemClock, startedAt = clock.now() } = options;
    this.#ownProcess = options.ownProcess ?? false;
    this.handed = options.handed ?? null;
    this.demoPorts = options.demoPorts ?? [];
    this.bootId = options.handed?.boot ?? randomHex(16);
    const planNow = () => this.plan;
    this.plan = plan;
    this.reread = options.reread ?? null;
    this.log = log;
    this.clock = clock;
    this.startedAt = startedAt;
    this.happened = new EventRing(this.bootId);
    this.events = new EventBus((error) =>
      log.error("LOADER", `An observer of the boot failed and is told nothing more: ${reasonOf(error)}`)
    );
    this.metrics = new BootMetrics({
      clock,
      startedAt,
      facts: { boot: this.bootId, version, config: plan.configPath, deno: runtimeVersion },
      history: options.history ?? openHistory(plan.dirs.state, { last: 20 }),
      get greeting() {
        return planNow().greeting;
      },
      warn: (message) => log.warning("LOADER", message),
    });
    this.counters = new Counters(() => clock.now());
    this.prewarmer = this.held.use(
      new Prewarmer({
        clock,
        get files() {
          return planNow().prewarm.files;
        },
        get tokenizers() {
          return planNow().prewarm.tokenizers;
        },
        env: environment(),
        signal: this.stopping.signal,
        emit: this.events.emit,
      }),
    );
    for (const make of observers) this.events.observe(make(this));
  }

  /** @throws LoaderError `unknown_service`. */
  supervisor(name: string): Supervisor<ManagedService> {
    const supervisor = this.supervisors.find((supervisor) => supervisor.name === name);
    if (supervisor) return supervisor;
    const names = this.plan.services.map((service) => service.name).join(", ");
    throw new LoaderError("unknown_service", `there is no service ${JSON.stringify(name)}`, {
      hint: `services: ${names}`,
    });
  }

  /** A service as it is planned now. */
  planOf(name: string): ServicePlan {
    return this.plan.services.find((service) => service.name === name)!;
  }

  /** In the order in which they are stopped: who is dismissed comes first. */
  inStopOrder(): Supervisor<ManagedService>[] {
    const turn = ({ name }: { name: string }) => this.plan.stopOrder.indexOf(name);
    return this.supervisors.toSorted((a, b) => turn(a) - turn(b));
  }

  /** The services, and who watches over their processes and over the wake word. Starts none of them. */
  makeServices({ keep, stateFile }: Prechecked): void {
    const planNow = () => this.plan, serviceOf = this.#serviceOf.bind(this);
    const { plan, bootId, clock, log } = this;
    this.stateFile = stateFile;
    this.metrics.keep = true;
    for (const warning of this.metrics.history.warnings) log.warning("LOADER", warning);
    // Whoever our shell had in the background before it became us is a child of ours that we know nothing of.
    const inheritsOnlyOurs = this.#ownProcess && inheritedChildren().length === 0;
    const isSubreaper = becomeSubreaper();
    this.knowsStrays = isSubreaper && (this.handed?.knowsStrays ?? inheritsOnlyOurs);
    const { graceMs } = plan.shutdown, kept = this.handed?.guardian;
    const guardian = this.guardian = plan.onLoaderDeath === "keep"
      ? null
      : this.held.use(new GuardianKeeper({ bootId, graceMs, log, clock, kept }));
    const registry = this.registry = new ProcessRegistry({ bootId, clock, stateFile, guardian, keep });
    if (this.knowsStrays) {
      this.strays = new Strays({
        claimed: (orphan) => this.supervisors.some((supervisor) => supervisor.service.copy?.claims(orphan)),
        note: (who) => registry.strays(who),
      });
    }
    this.#context = this.#contextOf(registry, keep);
    this.supervisors = plan.services.map((service) => this.makeSupervisor(service));
    this.wakeWord = new WakeWordControl({
      get plan() {
        return planNow().greeting;
      },
      get kwd() {
        return serviceOf(KwdService);
      },
      get tts() {
        return serviceOf(TtsService);
      },
      clock,
      bootId,
      signal: this.stopping.signal,
      knownOverBudget: this.metrics.knowsOverBudget,
      emit: this.events.emit,
      onSpoken: (voice) => {
        for (const supervisor of this.supervisors) if (supervisor.name === voice) supervisor.unproved = false;
      },
    });
  }

  #serviceOf<S extends ManagedService>(kind: abstract new (...args: never[]) => S): S | null {
    for (const { service, retired } of this.supervisors) {
      if (service instanceof kind && !retired) return service;
    }
    return null;
  }

  #contextOf(registry: ProcessRegistry, keep: KeptOutput | null): ServiceContext {
    const { plan, bootId, clock, log, events: { emit } } = this;
    return {
      bootId,
      clock,
      log,
      emit,
      environment: environment(),
      runtimeDir: plan.dirs.runtime,
      keep,
      resolve: resolveDemo,
      onSpawned: (service, child) => registry.onSpawned(service, child),
      seen: (service, child, who) => registry.seen(service, child, who),
      onGone: (service, child) => registry.onGone(service, child),
      commands: registry.commands,
    };
  }

  /** One more service. Starts nothing. */
  makeSupervisor(service: ServicePlan): Supervisor<ManagedService> {
    const planNow = () => this.plan, { clock, events: { emit } } = this;
    const supervisor: Supervisor<ManagedService> = new Supervisor(
      this.held.use(createService(service, this.#context!)),
      {
        clock,
        emit,
        hooks: { // the GPU is open before any of them is started
          looked: () => this.strays?.look(),
          beforeStart: (supervisor, signal) => this.gpu!.beforeStart(supervisor, signal),
          beforeUp: (supervisor, signal) => this.gpu!.beforeUp(supervisor, signal),
          beforeStop: (supervisor) => this.gpu!.beforeStop(supervisor),
          afterStop: (supervisor) => this.gpu!.afterStop(supervisor),
          signOfWork: (supervisor) => this.gpu!.signOfWork(supervisor),
          changed: (_, from, to) => this.#changed(supervisor, from, to),
        },
        get pollMaxMs() {
          return planNow().pollMaxMs;
        },
        expectedReadyMs: this.metrics.readyTimes[service.name]?.at(-1) ?? null,
      },
    );
    return supervisor;
  }

  /** Waits for the GPU where a service needs one. @throws LoaderError `gpu_missing`. */
  async openGpu(): Promise<GpuCoordinator> {
    const { plan, clock, log, startedAt } = this;
    return this.gpu = this.held.use(
      await GpuCoordinator.open(plan, {
        clock,
        log,
        startedAt,
        signal: this.stopping.signal,
        run: this.run,
        records: this.metrics.history.records,
        trees: () =>
          new Map(
            this.supervisors.map((
              supervisor,
            ) => [supervisor.name, supervisor.service.copy?.processTree() ?? new Set()]),
          ),
        emit: this.events.emit,
      }),
    );
  }

  #changed(supervisor: Supervisor<ManagedService>, from: Actual, to: Actual): void {
    const { copy } = supervisor.service;
    if (to === "up" && copy) this.stateFile?.note(supervisor.name, copy, { ready: true }); // for the next loader
    this.onChange(supervisor, from, to);
  }
}
