/**
 * The uniform contract of a service, whatever it is and wherever it runs. Spec: §1.1, §12.
 *
 * The names are the specification's in camelCase; what it says in passing ("cheap", "returns bool") holds here too.
 */
import type { ServicePlan } from "../model/plan.ts";
import type { PrepareReport, StopReport } from "../model/reports.ts";

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
