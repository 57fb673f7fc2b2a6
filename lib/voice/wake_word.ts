/**
 * What the person hears and whether they are heard: performs what the wake word's machine wants, and tells it what came
 * of it. Spec: §10; CONTRACT §6.
 */
import type { GreetingReport } from "../model/boot_record.ts";
import type { Fact } from "../model/events.ts";
import type { GreetingPlan } from "../model/plan.ts";
import type { KwdService } from "../services/kwd.ts";
import type { TtsService } from "../services/tts.ts";
import type { Clock } from "../sys/clock.ts";
import { enableListening, greet } from "./greeting.ts";
import {
  initialWakeWord,
  type WakeWordEvent,
  type WakeWordState,
  wakeWordStep,
} from "./wake_word_machine.ts";

export interface WakeWordOptions {
  plan: GreetingPlan;
  kwd: KwdService | null;
  tts: TtsService | null;
  clock: Clock;
  bootId: string;
  /** An earlier boot warned already that this text takes longer than its budget. */
  knownOverBudget: boolean;
  /** A stop: nothing more is asked of anybody. */
  signal: AbortSignal;
  /** Told of each step, and of `greeted`. */
  emit(fact: Fact): void;
  /** TTS has spoken, and so proved that it can. */
  onSpoken(tts: string): void;
}

const restoreTimeoutMs = 2000;

export class WakeWordControl {
  #o: WakeWordOptions;
  #state: WakeWordState = initialWakeWord;
  #report: GreetingReport | null = null;
  #conversation: Promise<void> | null = null;

  constructor(options: WakeWordOptions) {
    this.#o = options;
    options.signal.addEventListener("abort", () => this.send({ type: "stop" }), { once: true });
  }

  /** This boot has greeted, is at it, or never will. */
  get greeted(): boolean {
    return this.#state.greeting !== "to_come";
  }
  /** KWD accepted that it listens. */
  get listening(): boolean {
    return this.#state.listening;
  }
  /** For `status`: "spoken", "speaking", "none", … */
  get outcome(): string {
    return this.#report?.outcome ?? (this.#state.greeting === "under_way" ? "speaking" : "none");
  }

  send(event: WakeWordEvent): void {
    const { state, effect } = wakeWordStep(this.#state, event);
    this.#state = state;
    if (effect === "greet") this.#conversation = this.#greet();
    if (effect === "listen") this.#conversation = this.#listen();
  }

  async #greet(): Promise<void> {
    const { emit, onSpoken, tts } = this.#o;
    const report = this.#report = await greet({ ...this.#o }); // with those who are there now
    if (tts && report.outcome === "spoken") onSpoken(tts.name);
    emit({ fact: "greeted", report });
    this.send({ type: "greeting_over", listening: report.listening });
  }

  /** Enables the wake word without a greeting; a person's mute stays. */
  async #listen(): Promise<void> {
    const { signal, clock } = this.#o;
    const kwd = this.#o.kwd!; // only what is there comes up
    let listening = false;
    try {
      await kwd.restoreMutes({ signal, timeoutMs: restoreTimeoutMs });
      listening = await enableListening(kwd, this.#o, 0, clock.now()) !== null;
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    this.send({ type: "told", listening });
  }

  /** Resolves when nothing is said or asked any more. */
  async idle(): Promise<void> {
    for (let last = null; this.#conversation !== last;) await (last = this.#conversation);
  }
}
