/** What a supervisor needs of what it keeps alive, whatever that is and wherever it runs. Spec: §1.1, §6. */
import type { ServicePlan } from "../model/plan.ts";
import type { PrepareReport, StopReport, WarmupResult } from "../model/reports.ts";
import type { ExitStatus } from "../model/states.ts";
import type { ProbeResult, WaitOptions, WaitResult } from "../probes/mod.ts";
import type { ProcessStat } from "../sys/process/procfs.ts";

export interface Supervised {
  readonly plan: ServicePlan;
  /** Somebody else runs it: it is watched, and neither started nor stopped. */
  readonly external: boolean;
  /** The copy that runs; null when none does, or it is external. */
  readonly copy: SupervisedCopy | null;
  /** A copy that stands by listens on the service's port before its turn: against the contract of standby. */
  readonly boundEarly: boolean;
  pid(): number | null;
  /** The last `n` lines of what it printed, oldest first. */
  lastLines(n: number): string[];
  /** Starts a copy ahead of its turn; resolves when it said that it is prepared, or will not. */
  prepareAsync(signal: AbortSignal): Promise<PrepareReport>;
  /** Starts a copy, or releases the one that stands by. @throws LoaderError `spawn_failed`. */
  start(signal?: AbortSignal): Promise<void>;
  /** Resolves when all its readiness probes hold at once, or one stays wrong. Rejects only with `signal`'s reason. */
  awaitReady(o: ReadyOptions): Promise<WaitResult>;
  isReady(signal?: AbortSignal): Promise<boolean>;
  /** Wakes its machine if that says nothing at all; null: no need, or no way. `failed`: why the packet did not go out. */
  wake?(signal: AbortSignal): Promise<{ failed: string | null } | null>;
  warm(signal: AbortSignal): Promise<WarmupResult>;
  /** Why what was warmed is cold again, in words; null while it is warm, or where nobody can tell. */
  coldBecause(signal: AbortSignal): Promise<string | null>;
  checkHealth(signal: AbortSignal): Promise<ProbeResult>;
  /** Resolves when nothing of its copy lives, or cannot be ended. `force` aborted: without grace. */
  stop(graceSec?: number, force?: AbortSignal): Promise<StopReport>;
  /** It is as `plan` says from now on: how it is asked and stopped, and what its next copy is started with. */
  replan(plan: ServicePlan): void;
}

export type ReadyOptions = Omit<WaitOptions, "clock" | "timeoutMs" | "onActivity">;

/** One copy of it, from its start to the end of its last process. */
export interface SupervisedCopy {
  readonly pid: number;
  /** Id of the boot that started it. */
  readonly boot: string;
  /** Monotonic ms of its start. */
  readonly spawnedAt: number;
  /** It stands by, and waits for its release. */
  readonly held: boolean;
  /** Resolves after its leader's end; `status` is that end, once it is. */
  readonly exited: Promise<ExitStatus>;
  readonly status: ExitStatus | null;
  readonly running: boolean;
  /** Who of it lives although its leader has ended, in words. */
  readonly leftBehind: string | null;
  /** What it says of itself: its last STATUS=, requests in flight, monotonic ms of its last WATCHDOG=1. */
  readonly statusText: string | null;
  readonly inFlight: number;
  readonly watchdogAt: number | null;
  onExtend(fn: (ms: number) => void): Disposable;
  /** Its living processes, looked up now, and the CPU time of them all, in clock ticks. */
  living(): ProcessStat[];
  processTree(): ReadonlySet<number>;
  cpuTicks(): number;
  /** Puts on record who is of it, for the time when nobody can look any more. */
  remember(): void;
}
