/** What came of something that was done to a service. Spec: §1.1, §8, §9. */

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

/** What a warm-up answers. CONTRACT §4. */
export type WarmupResult =
  /** Done; `ms` of the last run, `detail` for the log ("1 token, 2048 MiB on the GPU"). */
  | { state: "warmed"; ms: number; detail?: string }
  /** The service does not offer it: a WARNING with how to configure it, and the gate passes. */
  | { state: "not_offered"; detail: string; hint: string }
  /** Offered and failed or timed out: a failed start, unless `required: false`. */
  | { state: "failed"; detail: string };

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
