/**
 * The uniform contract of a service, whatever it is and wherever it runs. Spec: §1.1, §12.
 *
 * The names are the specification's in camelCase; what it says in passing ("cheap", "returns bool") holds here too.
 */
import type { ServicePlan } from "../model/plan.ts";

/** What a prepare brought. A prepare never fails the boot. */
export interface PrepareReport {
  kind: "standby" | "files" | "none";
  ms: number;
  /** Bytes of model files brought into the page cache; null where nothing was read. */
  bytes: number | null;
  /** Share of them (0..1) that was in the page cache already; null where it cannot be told. */
  cachedShare: number | null;
  /** Why nothing, or not all, was done; null when all went well. */
  problem: string | null;
}

/** What a stop left behind. Empty `left` means stopped in the sense of CONTRACT §7. */
export interface StopReport {
  ms: number;
  /** "exit 0", "SIGKILL", …; null when there was nothing to stop. */
  how: string | null;
  /** The grace was over and the group was killed. */
  killed: boolean;
  /** Who is in the way: processes that survived SIGKILL, or hold the port. In words, with pid and command. */
  left: string[];
  /** Processes of its own survived SIGKILL: no other copy may be started beside them. */
  stuck: boolean;
}

export interface ServiceAdapter {
  readonly name: string;
  readonly plan: ServicePlan;
  /** Program and arguments as they are started; empty for an external service. */
  readonly cmd: readonly string[];
  /** What its environment has beyond the loader's own. */
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** The port it binds; null if none is known. */
  bindPort(): number | null;
  /** Pid of the running copy; null when none runs, or it is not ours. */
  pid(): number | null;
  /** Pre-warms without binding a public port. */
  prepareAsync(signal: AbortSignal): Promise<PrepareReport>;
  /** Spawns the process, or releases the one that stands by. @throws LoaderError `spawn_failed`. */
  start(): Promise<void>;
  /** Asks the readiness probes once. Cheap; never throws. */
  isReady(): Promise<boolean>;
  /** Asks the health probes once (by default the readiness probes). Cheap; never throws. */
  isHealthy(): Promise<boolean>;
  /** TERM to the whole group, wait at most `graceSec`, KILL, wait until the last process is gone. */
  stop(graceSec?: number): Promise<StopReport>;
}
