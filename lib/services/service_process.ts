/**
 * One copy of a service: one process group from its spawn to the end of its last process. A restart makes a new copy,
 * so nothing late of the old one can be taken for the new one's.
 */
import type { ExitStatus } from "../model/states.ts";
import { reasonOf } from "../errors.ts";
import type { Relay, RelaySource } from "../log/mod.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { ActivityKind, ProbeTarget } from "../probes/mod.ts";
import { type NotifyMessage, parseNotify } from "../protocols/sd_notify.ts";
import {
  type Child,
  goOnWithChild,
  type Identity,
  identityFrom,
  identityText,
  type Pipes,
  spawnChild,
  type SpawnOptions,
} from "../sys/process/process.ts";
import { ProcessFamily } from "../sys/process/process_family.ts";
import {
  allStats,
  describePid,
  environmentOf,
  isBlind,
  isGone,
  type ProcessStat,
  readStat,
} from "../sys/process/procfs.ts";
import {
  bootIdVariable,
  type KeptOutput,
  type ServiceContext,
  serviceEnvironment,
  serviceVariable,
} from "./context.ts";
import type { OutputTail } from "./output_tail.ts";
import type { Victim } from "../sys/process/terminate.ts";

/** How long the end of the output is awaited after the leader's end, ms: somebody else may hold the pipe. */
const drainMs = 50;

/** What an earlier loader knew of a process that is to be adopted. */
export type AdoptedRecord = Identity & { boot: string; ready: boolean; seen: readonly string[] };

/** What an earlier version of this program knew of its copy when it executed this one: all that is not on record. */
export interface KeptCopy {
  pipes: Pipes;
  status: ExitStatus | null;
  held: boolean;
  notified: boolean;
  prepared: boolean;
  spawnedAt: number;
  watchdogAt: number | null;
  inFlight: number;
  statusText: string | null;
  /** All its processes, wherever they went. */
  family: string[];
}

export class ServiceProcess implements ProbeTarget, Victim {
  readonly name: string;
  readonly pid: number;
  readonly pgid: number;
  readonly startTime: number;
  /** Id of the boot that started it, which its processes carry in their environment. */
  readonly boot: string;
  /** Resolves after the leader's end, with its last output read as far as that takes no longer than 50 ms. */
  readonly exited: Promise<ExitStatus>;
  /** Monotonic ms of the spawn, and how long the call took. */
  readonly spawnedAt: number;
  readonly spawnMs: number;
  /** Its end, once the leader has ended. */
  status: ExitStatus | null = null;
  /** It holds before its bind until it is told `start`. */
  held: boolean;
  /** Monotonic ms of the last WATCHDOG=1; null if none came. */
  watchdogAt: number | null = null;
  /** Requests in flight, as it last reported them (X_ALEXA_BUSY=). */
  inFlight = 0;
  /** The last STATUS= it sent. */
  statusText: string | null = null;
  /** Why the output of an adopted one cannot be read on. */
  outputLost: string | null = null;

  #plan: ServicePlan;
  #context: ServiceContext;
  #child: Child;
  #relay: Relay;
  #family: ProcessFamily;
  #remembered = "";
  #notified = false;
  #listeners = {
    ready: new Set<() => void>(),
    prepared: new Set<() => void>(),
    extend: new Set<(ms: number) => void>(),
    sign: new Set<(kind: ActivityKind) => void>(),
  };
  #prepared = false;

  /** Starts it. @throws the runtime's error when that is not possible. */
  static start(
    plan: ServicePlan,
    context: ServiceContext,
    relay: Relay,
    o: { notifyPath: string; standby: boolean },
  ): ServiceProcess {
    relay.begin();
    const { clock, keep } = context;
    const spawnedAt = clock.now();
    const command = {
      argv: context.resolve(plan.argv),
      env: {
        ...serviceEnvironment(plan, context),
        NOTIFY_SOCKET: o.notifyPath,
        ...(o.standby ? { ALEXA_STANDBY: "1" } : {}),
      },
      cwd: plan.workdir,
      stdin: o.standby ? "piped" : "null",
    } as const;
    const child = keep
      ? startKept(plan, context, relay, keep, command)
      : spawnChild({ ...command, ...outputOf(relay, () => copy.#sign("output")) });
    const spawnMs = clock.now() - spawnedAt;
    const copy: ServiceProcess = new ServiceProcess(plan, context, relay, child, {
      boot: context.bootId,
      held: o.standby,
      spawnedAt,
      spawnMs,
    });
    context.onSpawned(plan, copy);
    return copy;
  }

  /** Takes over a process that an earlier loader started and that was proved to be the same; `kept`: with all that it had of it. */
  static adopt(
    plan: ServicePlan,
    context: ServiceContext,
    relay: Relay,
    recorded: AdoptedRecord,
    kept?: KeptCopy,
  ): ServiceProcess {
    const { clock, keep } = context;
    let tail: OutputTail | null = null;
    let outputLost: string | null = null;
    try {
      tail = keep && new keep.OutputTail(keep.open(plan.name, { fresh: false }), recorded, relay, clock);
    } catch (error) {
      outputLost = reasonOf(error);
    }
    const child = goOnWithChild(recorded, kept?.pipes ?? { input: null, out: null, err: null }, {
      ...outputOf(relay, () => copy.#sign("output")),
      ours: kept !== undefined,
      status: kept?.status ?? null,
      clock,
    });
    const { closeOutput } = child;
    const copy: ServiceProcess = new ServiceProcess(plan, context, relay, {
      ...child,
      drained: tail?.drained ?? child.drained,
      closeOutput: () => tail?.finish() ?? closeOutput(),
    }, {
      boot: recorded.boot,
      held: kept?.held ?? false,
      spawnedAt: kept?.spawnedAt ?? clock.now(),
      spawnMs: 0,
    });
    copy.outputLost = outputLost;
    if (kept) {
      const { watchdogAt, inFlight, statusText } = kept;
      Object.assign(copy, { watchdogAt, inFlight, statusText });
      copy.#notified = kept.notified;
      copy.#prepared = kept.prepared;
      for (const id of kept.family.map(identityFrom)) copy.#family.see(id);
      return copy;
    }
    // Its orphans have gone to somebody else: who is not in its tree any more is looked for this once.
    for (const stat of allStats().values()) if (copy.claims(stat)) copy.#family.see(stat);
    for (const id of recorded.seen.map(identityFrom)) copy.#family.see(id);
    copy.#notified = recorded.ready; // said to the loader before, and not said again
    return copy;
  }

  private constructor(
    plan: ServicePlan,
    context: ServiceContext,
    relay: Relay,
    child: Child,
    o: { boot: string; held: boolean; spawnedAt: number; spawnMs: number },
  ) {
    this.#plan = plan;
    this.#context = context;
    this.#relay = relay;
    this.#child = child;
    this.name = plan.name;
    this.boot = o.boot;
    this.held = o.held;
    this.spawnedAt = o.spawnedAt;
    this.spawnMs = o.spawnMs;
    this.pid = this.pgid = child.pid;
    this.startTime = child.startTime;
    this.#family = new ProcessFamily(this, (stat) =>
      environmentOf(stat.pid, serviceVariable) === this.name &&
      environmentOf(stat.pid, bootIdVariable) === this.boot);
    this.exited = this.#awaitExit();
  }

  /** For another version of this program, which goes on with it. */
  get kept(): KeptCopy {
    return {
      pipes: this.#child.kept(),
      status: this.status,
      held: this.held,
      notified: this.#notified,
      prepared: this.#prepared,
      spawnedAt: this.spawnedAt,
      watchdogAt: this.watchdogAt,
      inFlight: this.inFlight,
      statusText: this.statusText,
      family: this.#family.known().map(identityText),
    };
  }

  async #awaitExit(): Promise<ExitStatus> {
    this.status = await this.#child.exited;
    await this.#drain();
    return this.status;
  }

  async #drain(): Promise<void> {
    await Promise.race([this.#child.drained, this.#context.clock.sleep(drainMs)]);
  }

  /** Takes a datagram from its NOTIFY_SOCKET. */
  notify(datagram: Uint8Array): void {
    const message: NotifyMessage = parseNotify(datagram);
    if (message.status !== null) this.statusText = message.status;
    if (message.inFlight !== null) this.inFlight = message.inFlight;
    if (message.watchdog) this.watchdogAt = this.#context.clock.now();
    if (message.extendTimeoutMs !== null) {
      for (const fn of this.#listeners.extend) fn(message.extendTimeoutMs);
    }
    if (message.turn !== null) {
      this.#context.emit({ fact: "turn", service: this.name, report: message.turn });
    }
    if (message.prepared) {
      this.#prepared = true;
      for (const fn of this.#listeners.prepared) fn();
    }
    if (message.ready) {
      this.#notified = true;
      for (const fn of this.#listeners.ready) fn();
    }
    this.#sign("notify");
  }

  /** It notified or printed something: calls back, often. */
  onActivity(fn: (kind: ActivityKind) => void): Disposable {
    return listen(this.#listeners.sign, fn);
  }

  #sign(kind: ActivityKind): void {
    for (const fn of this.#listeners.sign) fn(kind);
  }

  get notifiedReady(): boolean {
    return this.#notified;
  }

  onNotifyReady(fn: () => void): Disposable {
    return listen(this.#listeners.ready, fn);
  }

  /** It said that it is prepared (standby). */
  get prepared(): boolean {
    return this.#prepared;
  }

  onPrepared(fn: () => void): Disposable {
    return listen(this.#listeners.prepared, fn);
  }

  /** EXTEND_TIMEOUT_USEC, in ms from now. */
  onExtend(fn: (ms: number) => void): Disposable {
    return listen(this.#listeners.extend, fn);
  }

  onLine(fn: (line: string) => void): Disposable {
    return this.#relay.onLine(fn);
  }

  /** Lets a standby copy go on: from now on it may bind. */
  async release(): Promise<void> {
    this.held = false;
    await this.#child.tell("start");
  }

  /** True while the leader is the process that was started. */
  get running(): boolean {
    if (this.status) return false;
    const stat = readStat(this.pid);
    if (stat === null) return isBlind();
    return !isGone(stat) && (this.startTime === 0 || stat.startTime === this.startTime);
  }

  leaderPid(): number | null {
    return this.running ? this.pid : null;
  }

  /** Its living processes, wherever they went. */
  living(): ProcessStat[] {
    return this.#family.living();
  }

  /** Who of it lives although the leader has ended, in words; null when nobody does. */
  get leftBehind(): string | null {
    const [left] = this.running ? [] : this.living();
    return left ? describePid(left.pid) : null;
  }

  /** An orphan that we inherited is of this copy. */
  claims(orphan: ProcessStat): boolean {
    return this.#family.claims(orphan);
  }

  /** Puts on record who is of this copy and could not be proved to be: for the time when we cannot look any more. */
  remember(): void {
    const strangers = this.#family.strangers();
    const text = strangers.map(identityText).join();
    if (text === this.#remembered) return;
    this.#remembered = text;
    this.#context.seen(this.#plan, this, strangers);
  }

  processTree(): ReadonlySet<number> {
    return new Set(this.living().map((stat) => stat.pid));
  }

  /** CPU time of all its processes so far, in clock ticks. */
  cpuTicks(): number {
    return this.living().reduce((sum, stat) => sum + stat.cpuTicks, 0);
  }

  /** To be called when nothing of it lives: lets go of its pipes and its record. */
  async close(): Promise<void> {
    for (let held = this.#relay.held; held; held = this.#relay.held) { // its last lines are still in the pipe
      await held;
      await this.#drain();
    }
    await this.#child.closeOutput();
    this.#relay.end();
    this.#context.onGone(this.#plan, this);
  }
}

/** What it prints goes into the log, and is a sign of life. */
function outputOf(relay: Relay, sign: () => void): Pick<SpawnOptions, "onStdout" | "onStderr"> {
  const to = (source: RelaySource) => (chunk: Uint8Array) => {
    relay.write(chunk, source);
    sign();
    return relay.held;
  };
  return { onStdout: to("stdout"), onStderr: to("stderr") };
}

type Command = Pick<SpawnOptions, "argv" | "env" | "cwd" | "stdin">;

/** Starts it so that it outlives us: its output is a file, which is brought into the log. */
function startKept(
  plan: ServicePlan,
  context: ServiceContext,
  relay: Relay,
  keep: KeptOutput,
  command: Command,
): Child {
  const files = keep.open(plan.name, { fresh: true }); // first: what cannot be read is not started
  let started;
  try {
    started = keep.spawnToFile({ ...command, path: files.paths.output });
  } catch (error) {
    files[Symbol.dispose]();
    throw error;
  }
  const tail = new keep.OutputTail(files, started, relay, context.clock);
  const closeOutput = () => {
    started.closeInput();
    return tail.finish();
  };
  return { ...started, drained: started.exited.then(() => tail.finish()), closeOutput };
}

function listen<F>(set: Set<F>, fn: F): Disposable {
  set.add(fn);
  return { [Symbol.dispose]: () => void set.delete(fn) };
}
