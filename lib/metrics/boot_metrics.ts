/** The book of one boot: its figures while it happens, beside those of the boots before it, and its record on disk. Spec: §11. */
import type { GreetingReport } from "../model/boot_record.ts";
import type { History } from "./history.ts";
import { isOverBudget, p95Line, readyTimes } from "./figures.ts";
import { type BootFacts, BootRecorder, type ServiceRecorder } from "./recorder.ts";
import type { BootRecord } from "../model/boot_record.ts";
import type { GreetingPlan } from "../model/plan.ts";
import type { Clock } from "../sys/clock.ts";
import { shortHash } from "../short_hash.ts";
import { environment } from "../sys/host.ts";

export interface BookOptions {
  clock: Clock;
  /** Monotonic ms at which the program started. */
  startedAt: number;
  facts: BootFacts;
  history: History;
  /** A record that could not be kept is no failed boot. */
  warn(message: string): void;
}

/** Written once, when the boot's greeting is over or when the boot ends before that; what comes later is not recorded. */
export class BootBook {
  readonly history: History;
  readonly recorder: BootRecorder;
  #o: BookOptions;
  #closed = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(o: BookOptions) {
    this.#o = o;
    this.history = o.history;
    this.recorder = new BootRecorder(o.clock, o.startedAt, o.facts);
  }

  /** Where a service's stages are noted; null once the book is closed. */
  stagesOf(service: string): ServiceRecorder | null {
    return this.#closed ? null : this.recorder.service(service);
  }

  /** Files were prepared for a service, from `from` (monotonic ms) on. */
  prepared(service: string, from: number, ms: number): void {
    if (!this.#closed) this.recorder.add(`${service}.prepare`, service, from, from + ms);
  }

  /** An earlier boot was told already that this greeting takes longer than its budget. */
  knowsOverBudget(greeting: GreetingPlan): boolean {
    const mark = markOf(greeting);
    return this.history.records.some((record) => record.greeting.over_budget === mark);
  }

  greeted({ outcome, speakMs, resumeAfterMs }: GreetingReport, greeting: GreetingPlan): void {
    this.recorder.greeting(outcome, {
      over_budget: speakMs !== null && isOverBudget(greeting, speakMs) ? markOf(greeting) : undefined,
      greeting_speak_ms: speakMs ?? undefined,
      kwd_resume_after_ms: resumeAfterMs ?? undefined,
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

  /** Closes the book. `keep`: it is worth a record (the precheck was passed). */
  close(outcome: BootRecord["outcome"], o: { driver: string | null; keep: boolean }): void {
    if (this.#closed) return;
    this.#closed = true;
    if (o.driver) this.recorder.driver(o.driver);
    if (o.keep) this.#writing = this.#write(this.recorder.record(outcome));
  }

  async #write(record: BootRecord): Promise<void> {
    const problem = await this.history.append(record);
    if (problem) this.#o.warn(problem);
    if (environment().OTEL_DENO !== "true") return;
    const { exportBoot } = await import("./otel.ts");
    await exportBoot(record);
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
