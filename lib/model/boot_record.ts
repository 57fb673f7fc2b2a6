/**
 * What one boot leaves behind on disk: §11's figures, one JSON object per boot. Field names are the specification's.
 * All `_ms` figures are milliseconds; `at_ms` figures count from the program's own process start. Spec: §11; CONTRACT §10.
 */

/** One stretch of the boot, for the timeline: a stage of a service or of the loader itself. */
export interface Span {
  /** "precheck", "kwd.prepare", "kwd.start", "kwd.ready", "kwd.warmup", "greeting.speak", … */
  name: string;
  service: string | null;
  at_ms: number;
  ms: number;
}

export interface ServiceFigures {
  name: string;
  /** How many times it was started in this boot until it was up or given up. */
  attempts: number;
  outcome: "up" | "failed" | "not_started";
  prepare_async_ms: number | null;
  start_ms: number | null;
  time_to_ready_ms: number | null;
  warmup_ms: number | null;
  /** Readiness seen to next exec: what the loader itself added behind this service. */
  gate_lag_ms: number | null;
  /** Bytes of model files brought into the page cache for it, and how much of them was there already (0..1). */
  prepared_bytes: number | null;
  cached_share: number | null;
  adopted: boolean;
}

export interface BootRecord {
  format: 1;
  boot: string;
  /** Start of the program, ISO 8601. */
  at: string;
  version: string;
  config: string;
  outcome: "ready" | "degraded" | "failed" | "stopped";
  total_boot_ms: number | null;
  first_cuda_context_ms: number | null;
  services: ServiceFigures[];
  greeting: {
    outcome: string;
    greeting_speak_ms: number | null;
    kwd_resume_after_ms: number | null;
    /** Which text it was, as a digest, if it took longer than its budget: that is told once per text. */
    over_budget: string | null;
  };
  vram: { stage: string; at_ms: number; used_mib: number; delta_mib: number }[];
  spans: Span[];
  versions: { deno: string; driver: string | null };
}

/** What became of the greeting. */
export interface GreetingReport {
  /** What became of it. "not heard": it ended sooner than anyone can speak. */
  outcome: "spoken" | "not heard" | "failed" | "timeout" | "disabled" | "skipped" | "by_kwd" | "aborted";
  /** Speak request to the end of the sound, ms; null when the end is not known. */
  speakMs: number | null;
  /** End of the sound to the accepted resume, ms; null when there was none. */
  resumeAfterMs: number | null;
  /** KWD accepted that it listens. */
  listening: boolean;
}
