/**
 * What the person hears and whether they are heard: the greeting, once per boot, and the wake word, enabled whenever
 * KWD is up, also after a restart of it. Spec: §10; CONTRACT §6.
 */
import type { GreetingReport } from "../model/boot_record.ts";
import type { Log } from "../log/mod.ts";
import type { GreetingPlan } from "../model/plan.ts";
import type { KwdService } from "../services/kwd.ts";
import type { TtsService } from "../services/tts.ts";
import type { Clock } from "../sys/clock.ts";
import { enableListening, greet } from "./greeting.ts";

export interface VoiceOptions {
  plan: GreetingPlan;
  kwd: KwdService | null;
  tts: TtsService | null;
  /** KWD is past its gate now. */
  kwdIsUp(): boolean;
  clock: Clock;
  log: Log;
  bootId: string;
  /** An earlier boot warned already that this text takes longer than its budget. */
  knownOverBudget: boolean;
  /** A stop: nothing more is asked of anybody. */
  signal: AbortSignal;
  onGreeted(report: GreetingReport): void;
}

const restoreTimeoutMs = 2000;

export class Voice {
  #o: VoiceOptions;
  #greeted = false;
  #report: GreetingReport | null = null;
  #underWay: Promise<void> | null = null;
  #listening = false;

  constructor(options: VoiceOptions) {
    this.#o = options;
  }

  /** This boot has greeted, or will not any more. */
  get greeted(): boolean {
    return this.#greeted;
  }
  /** KWD accepted that it listens. */
  get listening(): boolean {
    return this.#listening;
  }
  /** For `status`: "spoken", "speaking", "none", … */
  get outcome(): string {
    return this.#report?.outcome ?? (this.#underWay && !this.#report ? "speaking" : "none");
  }

  /** KWD was taken over from an earlier loader: the assistant has greeted, or it is too late for that. */
  skip(): void {
    this.#greeted = true;
  }

  /** Greets, unless this boot has; false when it has. */
  greetOnce(): boolean {
    if (this.#greeted) return false;
    this.#greeted = true;
    const { kwd, kwdIsUp, onGreeted, signal } = this.#o;
    const copy = kwd?.copy;
    this.#underWay = greet(this.#o).then((report) => {
      this.#underWay = null;
      this.#report = report;
      this.#listening = report.listening;
      onGreeted(report);
      // KWD was replaced in mid-greeting: the fresh copy is told as soon as it is up.
      if (kwd && kwd.copy !== copy && !report.listening && kwdIsUp() && !signal.aborted) this.listen();
    });
    return true;
  }

  /** Enables the wake word without a greeting; a person's mute stays. */
  listen(): void {
    const { kwd, kwdIsUp, signal, clock } = this.#o;
    if (!kwd) return;
    const { copy } = kwd;
    const told = kwd.restoreMutes({ signal, timeoutMs: restoreTimeoutMs })
      .then(() => enableListening(kwd, this.#o, 0, clock.now()))
      .then((after) => void (this.#listening = after !== null))
      .catch(() => {}) // only a stop aborts it
      .finally(() => {
        if (this.#underWay === told) this.#underWay = null;
        // It was replaced meanwhile: the fresh copy is told as well.
        if (kwd.copy !== copy && kwdIsUp() && !signal.aborted) this.listen();
      });
    this.#underWay = told;
  }

  /** KWD came up again. `settled`: no greeting is to come that would tell it to listen. */
  kwdUp(settled: boolean): void {
    if (settled && !this.#underWay) this.listen();
  }

  /** KWD is not there any more. */
  kwdDown(): void {
    this.#listening = false;
  }

  /** Resolves when nothing is said or asked any more. */
  async idle(): Promise<void> {
    await this.#underWay;
  }
}
