/**
 * What the person hears and whether they are heard: performs what the wake word's machine wants, and tells it what came
 * of it. Spec: §10; CONTRACT §6.
 */
import { offers } from "../controls/kinds.ts";
import { LoaderError } from "../errors.ts";
import type { GreetingReport } from "../model/boot_record.ts";
import type { Fact } from "../model/events.ts";
import type { GreetingPlan } from "../model/plan.ts";
import { type KwdService, muteReason } from "../services/kwd.ts";
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

export interface KeptWakeWord {
  state: WakeWordState;
  report: GreetingReport | null;
}

const restoreTimeoutMs = 2000;
/** A KWD that refuses a mute is asked again, ms. */
const muteRetryMs = 500;

const cannotMute = (kwd: string) =>
  new LoaderError("usage", `${kwd} cannot be muted: it has no control for it`, {
    hint: "What it may offer: docs/contract.md, section 5.",
  });

export class WakeWordControl {
  #o: WakeWordOptions;
  #state: WakeWordState = initialWakeWord;
  #report: GreetingReport | null = null;
  #conversation: Promise<void> | null = null;
  /** How many copies of KWD have come up. */
  #copies = 0;
  /** Who waits for what they want of the mute. */
  #waiting = new Set<() => void>();

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
    return this.#state.listening && !this.#state.muteAccepted;
  }
  /** A person wants it muted. */
  get muted(): boolean {
    return this.#state.muted;
  }
  /** For `status`: "spoken", "speaking", "none", … */
  get outcome(): string {
    return this.#report?.outcome ?? (this.#state.greeting === "under_way" ? "speaking" : "none");
  }

  /** For another version of this program; only while nothing is said or asked ({@link busy}). */
  get kept(): KeptWakeWord {
    return { state: this.#state, report: this.#report };
  }
  goOn({ state, report }: KeptWakeWord): void {
    this.#state = state;
    this.#report = report;
  }
  get busy(): boolean {
    return this.#state.telling !== null || ["wanted", "under_way"].includes(this.#state.greeting);
  }

  send(event: WakeWordEvent): void {
    const { state, effect } = wakeWordStep(this.#state, event);
    this.#state = state;
    if (event.type === "kwd_up") {
      this.#copies++;
      this.#o.kwd?.forgetHeld();
    }
    for (const look of this.#waiting) look();
    if (effect === "greet") this.#conversation = this.#greet();
    if (effect === "listen") this.#conversation = this.#listen();
    if (effect === "mute" || effect === "unmute") this.#conversation = this.#mute(effect === "mute");
  }

  /**
   * Mutes the wake word for a person, or takes that back; it holds for every copy to come. True when the copy that runs
   * has accepted it, false when none runs. @throws LoaderError when nobody can be muted.
   */
  async mute(muted: boolean): Promise<boolean> {
    const { kwd, signal } = this.#o;
    if (!kwd) throw new LoaderError("usage", "no service listens for a wake word");
    if (!offers(kwd.plan.control, "pause")) throw cannotMute(kwd.name);
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      const { kwdUp, muteAccepted, muted: wanted } = this.#state;
      if (!kwdUp || muteAccepted === muted || wanted !== muted || signal.aborted) resolve();
    };
    this.#waiting.add(look);
    this.send({ type: muted ? "mute" : "unmute" });
    await promise;
    this.#waiting.delete(look);
    if (muted && !this.#state.muted && !signal.aborted) throw cannotMute(kwd.name);
    return this.#state.kwdUp && this.#state.muteAccepted === muted;
  }

  /** Asks until the copy that runs accepts it, or it is not wanted of it any more. */
  async #mute(muted: boolean): Promise<void> {
    const { clock, signal, emit } = this.#o;
    const kwd = this.#o.kwd!, copies = this.#copies;
    const wanted = () => copies === this.#copies && this.#state.kwdUp && this.#state.muted === muted;
    let answer: "accepted" | "gone" | "never" = "gone";
    try {
      for (let tries = 1; answer === "gone" && wanted(); tries++) {
        const ask = { signal, timeoutMs: restoreTimeoutMs };
        const said = await (muted ? kwd.pause(ask, muteReason) : kwd.resume(ask, muteReason));
        if (!wanted() && said.state !== "ok") break;
        if (said.state === "failed") {
          if (tries === 1) emit({ fact: "mute_refused", service: kwd.name, muted, detail: said.detail });
          await clock.sleep(muteRetryMs, signal);
        } else answer = copies !== this.#copies ? "gone" : said.state === "ok" ? "accepted" : "never";
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (answer === "accepted") emit({ fact: "muted", service: kwd.name, muted });
    this.send({ type: "mute_over", muted, answer });
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
