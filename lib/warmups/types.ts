/** What a warm-up answers. Spec: §9; CONTRACT §4. */
export type WarmupResult =
  /** Done; `ms` of the last run, `detail` for the log ("1 token, 2048 MiB on the GPU"). */
  | { state: "warmed"; ms: number; detail?: string }
  /** The service does not offer it: a WARNING with how to configure it, and the gate passes. */
  | { state: "not_offered"; detail: string; hint: string }
  /** Offered and failed or timed out: a failed start, unless `required: false`. */
  | { state: "failed"; detail: string };
