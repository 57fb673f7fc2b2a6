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
  fixed: string[];
}
