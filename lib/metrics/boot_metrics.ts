/** The metrics of one boot: its figures while it happens, beside those of the boots before it, and its record on disk. Spec: §11. */
import type { History } from "./history.ts";
import { isOverBudget, p95Line, readyTimes } from "./figures.ts";
import { type BootFacts, BootRecorder, type OpenSpan } from "./recorder.ts";
import type { BootRecord, GreetingReport } from "../model/boot_record.ts";
import type { Fact } from "../model/events.ts";
import type { GreetingPlan } from "../model/plan.ts";
import type { PrepareReport } from "../model/reports.ts";
import type { Clock } from "../sys/clock.ts";
import { shortHash } from "../short_hash.ts";
import { environment } from "../sys/host.ts";

export interface BootMetricsOptions {
  clock: Clock;
  /** Monotonic ms at which the program started. */
  startedAt: number;
  facts: BootFacts;
  history: History;
  greeting: GreetingPlan;
  /** A record that could not be kept is no failed boot. */
  warn(message: string): void;
}

/** Written once, when the boot's greeting is over or when the boot ends before that; what comes later is not recorded. */
export class BootMetrics {
  readonly history: History;
  readonly recorder: BootRecorder;
  /** It gets a record: the precheck has begun to change something. */
  keep = false;
  #o: BootMetricsOptions;
  /** Stages that are going on, by service and name. */
  #open = new Map<string, OpenSpan>();
  #preparedMs = new Map<string, number>();
  #closed = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(o: BootMetricsOptions) {
    this.#o = o;
    this.history = o.history;
    this.recorder = new BootRecorder(o.clock, o.startedAt, o.facts);
  }

  /** The observer: notes what is a figure. The end of the greeting is the end of the record. */
  note(fact: Fact): void {
    if (this.#closed) return;
    const { recorder } = this;
    switch (fact.fact) {
      case "stage_begun":
        if (fact.stage !== "prepare") this.#left(fact.service);
        return void this.#open.set(
          `${fact.service}.${fact.stage}`,
          fact.service === null
            ? recorder.span(fact.stage)
            : recorder.service(fact.service).stage(fact.stage),
        );
      case "stage_over":
        return void this.#open.get(`${fact.service}.${fact.stage}`)?.end();
      case "prepared":
        return this.#prepared(fact.service, fact.report, fact.beganAt);
      case "ready":
        return recorder.service(fact.service).set({ time_to_ready_ms: fact.ms });
      case "gate_passed":
        return recorder.service(fact.service).set({ gate_lag_ms: fact.lagMs });
      case "adopted":
        return recorder.service(fact.service).set({ adopted: true, outcome: "up" });
      case "state": {
        const outcome = fact.to === "up"
          ? "up"
          : fact.to === "failed" || fact.to === "away"
          ? "failed"
          : null;
        if (!outcome) return;
        this.#left(fact.service);
        return recorder.service(fact.service).set({ outcome });
      }
      case "gpu_open":
        return fact.driver === null ? undefined : recorder.driver(fact.driver);
      case "vram":
        return recorder.vram(fact.stage, fact.usedMib, fact.deltaMib);
      case "first_gpu_context":
        return recorder.cudaContext();
      case "greeted":
        this.#greeted(fact.report);
        return this.close("ready");
    }
  }

  /** A service is in one stage at a time, beside its prepare: one that is still open was left by another road. */
  #left(service: string | null): void {
    for (const stage of ["start", "ready", "warmup", "backoff"]) {
      this.#open.get(`${service}.${stage}`)?.[Symbol.dispose]();
    }
  }

  /** A copy and its files are prepared side by side: the longer of the two counts. */
  #prepared(service: string, { kind, ms, bytes, cachedShare }: PrepareReport, beganAt: number): void {
    const longest = Math.max(this.#preparedMs.get(service) ?? 0, ms);
    this.#preparedMs.set(service, longest);
    this.recorder.service(service).set({ prepare_async_ms: longest });
    if (kind !== "files") return;
    this.recorder.service(service).set({ prepared_bytes: bytes, cached_share: cachedShare });
    this.recorder.add(`${service}.prepare`, service, beganAt, beganAt + ms);
  }

  /** An earlier boot was told already that this greeting takes longer than its budget. */
  get knowsOverBudget(): boolean {
    const mark = markOf(this.#o.greeting);
    return this.history.records.some((record) => record.greeting.over_budget === mark);
  }

  #greeted({ outcome, speakMs, resumeAfterMs }: GreetingReport): void {
    const { greeting } = this.#o;
    this.recorder.greeting(outcome, {
      over_budget: speakMs !== null && isOverBudget(greeting, speakMs) ? markOf(greeting) : null,
      greeting_speak_ms: speakMs,
      kwd_resume_after_ms: resumeAfterMs,
    });
    const now = this.#o.clock.now(), spoken = now - (resumeAfterMs ?? 0);
    if (speakMs !== null) this.recorder.add("greeting.speak", null, spoken - speakMs, spoken);
    if (resumeAfterMs !== null) this.recorder.add("greeting.resume", null, spoken, now);
  }

  /** Times to ready of earlier boots by service, ms, newest last. */
  get readyTimes(): Record<string, number[]> {
    return readyTimes(this.history.records);
  }

  /** The figures of SYSTEM_READY's line. */
  totalLine(totalMs: number): string {
    return p95Line(this.history.records, totalMs);
  }

  /** The boot's figures go to disk, once: when its greeting is over, or when it ends before that. */
  close(outcome: BootRecord["outcome"]): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.keep) this.#writing = this.#write(this.recorder.record(outcome));
  }

  async #write(record: BootRecord): Promise<void> {
    const problem = await this.history.append(record);
    if (problem) this.#o.warn(problem);
    if (environment().OTEL_DENO !== "true") return;
    const { exportBoot } = await import("./otel.ts");
    await exportBoot(record);
  }

  /** Nothing more is recorded of this boot. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The boot's record was written by an earlier version of this program. */
  goOn(totalMs: number | null): void {
    this.#closed = true;
    this.recorder.goOn(totalMs);
  }

  /** Resolves when the record is on disk. */
  async written(): Promise<void> {
    await this.#writing;
  }
}

/** By which a later boot knows the same text with the same budget. */
function markOf({ text, budgetMs }: GreetingPlan): string {
  return shortHash(`${budgetMs} ${text}`);
}
