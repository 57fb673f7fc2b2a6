/** What a new configuration changes beside the one that runs. Names settings as the configuration does, never their values. */

export interface ServiceChange {
  service: string;
  /** "cmd", "env.OMP_NUM_THREADS", "health", … */
  settings: string[];
  /** A fresh copy is needed: what runs was started with what has changed. */
  restarts: boolean;
}

export interface PlanDifference {
  /** In the new start order. */
  added: string[];
  /** In the old stop order. */
  removed: string[];
  /** In the new start order. */
  changed: ServiceChange[];
  /** Settings of the loader itself that hold from now on. */
  loader: string[];
  /** Settings that need a restart of the loader: they stay as they are. */
  postponed: string[];
}

/** What a reload came to, or would. */
export interface ReloadReport {
  /** Its number since the loader runs; null: nothing was to be done, or it was only asked what it would do. */
  reload: number | null;
  difference: PlanDifference;
  /** Who is started for it, in this order. `p95_ms`: from start to past its gate by the history, null without one. */
  starts: { service: string; p95_ms: number | null }[];
  /** Of those, who did not come up. */
  failed: string[];
}
