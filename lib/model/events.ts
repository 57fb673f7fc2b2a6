/**
 * What happens in a boot, as data. Who knows a fact emits it and goes on; who tells people or keeps figures observes it.
 * An observer decides nothing: what decides is called. Spec: §7, §11.
 *
 * All `_ms` and `Ms` are milliseconds; a fact is told at the moment at which it is one.
 */
import type { GreetingReport } from "./boot_record.ts";
import type { PrepareReport } from "./reports.ts";
import type { Actual, Desired, LoaderState } from "./states.ts";

/** A stretch of a service's life that is measured. */
export type Stage = "prepare" | "start" | "ready" | "warmup" | "backoff";

/** Of one service, by its own supervisor. */
export type ServiceFact =
  | { fact: "state"; from: Actual; to: Actual; desired: Desired }
  /** A stage that never is over was left by another road. */
  | { fact: "stage_begun" | "stage_over"; stage: Stage }
  /** Its prepare, or that of its files, has ended; it began at `beganAt`, monotonic ms. */
  | { fact: "prepared"; report: PrepareReport; beganAt: number }
  /** It is ready, `ms` after its spawn or its release. */
  | { fact: "ready"; ms: number }
  /** It was passed, and the next one was told to start `lagMs` later. */
  | { fact: "gate_passed"; lagMs: number }
  /** A copy of the boot `boot` was taken over. */
  | { fact: "adopted"; pid: number; boot: string };

/** Of the loader, the GPU or the greeting. */
export type LoaderFact =
  | { fact: "loader_state"; from: LoaderState; to: LoaderState }
  | { fact: "stage_begun" | "stage_over"; service: null; stage: "precheck" }
  | { fact: "gpu_open"; description: string; driver: string | null }
  /** Memory in use after a stage of the boot, and the change since the one before. */
  | { fact: "vram"; stage: string; usedMib: number; deltaMib: number }
  /** The first compute process of ours was seen on the GPU. */
  | { fact: "first_gpu_context" }
  /** The greeting is over; `voice`: the service that spoke or was to speak. */
  | { fact: "greeted"; report: GreetingReport; voice: string | null };

export type Fact = ServiceFact & { service: string } | LoaderFact;

/** Told of each fact, in the order in which they happen. Must return at once. */
export type Observer = (fact: Fact) => void;
