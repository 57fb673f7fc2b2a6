/** What planning needs to know beside the configuration. Spec: §9. */

/** Times to ready (ms) of past successful boots by service, newest last. */
export type ReadyTimeHistory = Readonly<Record<string, readonly number[]>>;

/** What the plan needs to know about the machine and its past. */
export interface PlanFacts {
  /** The configuration file, absolute; `<demo>` for the embedded one. */
  configPath: string;
  /** What relative paths in the configuration are relative to, absolute. */
  configDir: string;
  /** The caller's working directory, absolute. */
  cwd: string;
  home: string;
  env: Readonly<Record<string, string | undefined>>;
  uid: number;
  history: ReadyTimeHistory | null;
  /** As a self-test measured it; it holds unless another one is configured. */
  outputLatencyMs?: number | null;
  /** Names an instance after its configuration's real path: a short hash. */
  instanceHash(path: string): string;
}
