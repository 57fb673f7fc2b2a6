/**
 * What happens in a boot, as data. Who knows a fact emits it and goes on; who tells people or keeps figures observes it.
 * An observer decides nothing: what decides is called. Spec: §7, §11.
 *
 * All `_ms` and `Ms` are milliseconds; a fact is told at the moment at which it is one.
 */
import type { GreetingReport } from "./boot_record.ts";
import type { ReloadReport } from "./difference.ts";
import type { PrepareReport, StopReport, WarmupResult } from "./reports.ts";
import type { Actual, Desired, Fault, LoaderState, Verdict } from "./states.ts";

/** A stretch of a service's life that is measured. */
export type Stage = "prepare" | "start" | "ready" | "warmup" | "backoff";

/** Of one service, by its own supervisor. */
export type ServiceFact =
  | { fact: "state"; from: Actual; to: Actual; desired: Desired }
  /** A stage that never is over was left by another road. */
  | { fact: "stage_begun" | "stage_over"; stage: Stage }
  /** Its prepare, or that of its files, has ended; it began at `beganAt`, monotonic ms. */
  | { fact: "prepared"; report: PrepareReport; beganAt: number }
  /** Its copy that stands by listens already. */
  | { fact: "bound_early" }
  /** Its copy runs, or was released from standby. `pid` null: it is external, and only watched. */
  | { fact: "started"; pid: number | null; released: boolean }
  /** It is not ready yet; told now and then. `missing`, `lastOutput`: in words. */
  | { fact: "waiting"; waitedMs: number; limitMs: number; missing: string | null; lastOutput: string | null }
  /** What waiting does not mend; null: it did all the same. `again`: not the first time of this start. */
  | { fact: "wrong"; detail: string | null; again: boolean }
  /** What it does, as it said by STATUS=. */
  | { fact: "activity"; text: string | null }
  /** A turn of talk is over, as it reported: JSON, if it kept to the contract. */
  | { fact: "turn"; report: string }
  /** It is ready, `ms` after its spawn or its release. */
  | { fact: "ready"; ms: number }
  /** Nothing warms it, though something should. */
  | { fact: "no_warmup"; why: string }
  | { fact: "warmup"; result: WarmupResult; required: boolean }
  /** While it was up, what was warmed became cold, and is warmed once more. `again`: not the first time. */
  | { fact: "cold"; why: string; again: boolean }
  | { fact: "warmed_again"; result: WarmupResult; again: boolean }
  /** A health check came to `result` in `ms`. Very often: it is for figures, and not for people. */
  | { fact: "checked"; ms: number; result: "ready" | "waiting" | "unasked" | "timeout" | "wrong" }
  /** It does not answer, and works: `why` says by which sign. */
  | { fact: "busy"; why: string }
  /** It could not be asked for its health. */
  | { fact: "unasked"; why: string }
  /** Something went wrong, and what follows. `awaySince`: of an external one, since when it does not answer. */
  | { fact: "fault"; fault: Fault; verdict: Verdict; awaySince: Date | null }
  /** An external one answers again. */
  | { fact: "back"; awayMs: number }
  /** A magic packet for the machine of an external one went out; `failed`: why not. It is waited for so long. */
  | { fact: "wake_sent"; mac: string; waitMs: number; failed: string | null }
  | { fact: "restart_wanted" }
  /** The wake word is muted for a person, or not any more; or it refuses that, and is asked again. */
  | { fact: "muted"; muted: boolean }
  | { fact: "mute_refused"; muted: boolean; detail: string }
  /** Its last process is gone, or could not be ended. `known`: there was none, or its end was told as a fault. */
  | { fact: "stopped"; report: StopReport; known: boolean }
  /** It was passed, and the next one was told to start `lagMs` later. */
  | { fact: "gate_passed"; lagMs: number }
  /** A copy of the boot `boot` was taken over. */
  | { fact: "adopted"; pid: number; boot: string }
  /** One was found and is not to be gone on with. */
  | { fact: "not_adopted"; pid: number; why: string };

/** Of the greeting and its end: KWD listens. `detail`: in words. */
export type GreetingStep =
  | { step: "no_listener" }
  /** `silentWhy`: why nothing will be spoken; null when it will. */
  | { step: "begun"; silentWhy: string | null }
  | { step: "pause_refused" | "no_control" | "not_told"; detail: string }
  /** KWD greets by itself. */
  | { step: "by_kwd" }
  | { step: "speaking"; text: string }
  /** A finish event changed nothing. */
  | { step: "ignored"; detail: string }
  | { step: "failed"; detail: string }
  | { step: "finished"; ms: number }
  /** It ended sooner than anyone can speak. */
  | { step: "not_heard"; characters: number; ms: number }
  | { step: "over_budget"; ms: number; budgetMs: number }
  | { step: "resume_refused"; detail: string }
  /** KWD accepted to listen, `afterMs` after the end of the sound, or nobody can know whether it does. */
  | { step: "listening"; afterMs: number; guardMs: number }
  | { step: "not_known" };

/** Of the loader, the GPU or the greeting. */
export type LoaderFact =
  | { fact: "loader_state"; from: LoaderState; to: LoaderState }
  | { fact: "stage_begun" | "stage_over"; service: null; stage: "precheck" }
  /** Nothing is in the way: the services may be started. `gpu`: in words. */
  | { fact: "prechecked"; services: number; gpu: string }
  /** Everything works, the first time in this boot, `totalMs` after the program's start. */
  | { fact: "system_ready"; totalMs: number }
  /** Everything works again, `afterMs` after the first of these was lost; none: what was lost is not wanted any more. */
  | { fact: "ready_again"; services: string[]; afterMs: number }
  /** What is missing, and what works all the same, in words. */
  | { fact: "degraded"; text: string }
  /** Another configuration holds from now on; what is to be restarted for it follows. `by`: who asked, in words. */
  | { fact: "reloaded"; by: string } & Omit<ReloadReport, "failed">
  /** All that was to be started for it was; these did not come up. */
  | { fact: "reload_over"; reload: number; failed: string[]; ms: number }
  /** Nothing was changed: `why`, in words. */
  | { fact: "reload_refused"; by: string; why: string }
  /** The ordered stop begins; it is over, and of these something is `left`. */
  | { fact: "stopping"; reason: string; services: string[] }
  | { fact: "stopped_all"; left: string[] }
  /** This version of the program goes on with what the one before had, `gapMs` after that; `returned`: why it is the one before again. */
  | { fact: "took_over"; from: string; services: number; gapMs: number; returned: string | null }
  | { fact: "gpu_open"; description: string; driver: string | null }
  /** Memory in use after a stage of the boot, and the change since the one before. */
  | { fact: "vram"; stage: string; usedMib: number; deltaMib: number }
  /** The first compute process of ours was seen on the GPU. */
  | { fact: "first_gpu_context" }
  /** `service`: whom it concerns, KWD or TTS. */
  | { fact: "greeting"; service: string | null } & GreetingStep
  | { fact: "greeted"; report: GreetingReport };

export type Fact = ServiceFact & { service: string } | LoaderFact;

/** Told of each fact, in the order in which they happen. Must return at once. */
export type Observer = (fact: Fact) => void;
