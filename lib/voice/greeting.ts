/**
 * The post-boot greeting: exactly once per boot, and whatever happens listening ends enabled. Spec: §10, §13, §15;
 * CONTRACT §6.
 *
 * pause -> system_ready -> speak -> finished -> guard -> resume. Each step may fail; it costs one WARNING and the next
 * step follows. Nothing here is tried twice but `resume`, which is sent until KWD accepts it.
 */
import { orAbort } from "../async.ts";
import type { GreetingReport } from "../model/boot_record.ts";
import { isOverBudget } from "../metrics/figures.ts";
import { reasonOf } from "../errors.ts";
import type { Fact, GreetingStep } from "../model/events.ts";
import type { GreetingPlan } from "../model/plan.ts";
import { offers } from "../controls/kinds.ts";
import type { KwdService } from "../services/kwd.ts";
import type { SupervisedCopy } from "../services/supervised.ts";
import type { TtsService } from "../services/tts.ts";
import { type Clock, deadline } from "../sys/clock.ts";
import { randomHex } from "../sys/host.ts";
import { type FinishListener, listenForFinish } from "./finish_listener.ts";

/** The tag by which a finish event is known as the greeting's. Spec: §10.2. */
export const greetingTag = "boot_greeting";

/** The wake word service, as far as the greeting is concerned. */
export type Listener = Pick<KwdService, "plan" | "external" | "pause" | "resume" | "onSystemReady"> & {
  readonly copy: Pick<SupervisedCopy, "status"> | null;
};

/** The speech service, as far as the greeting is concerned. */
export type Speaker = Pick<TtsService, "plan" | "speak"> & {
  readonly copy: Pick<SupervisedCopy, "exited" | "running"> | null;
};

export interface GreetingOptions {
  plan: GreetingPlan;
  kwd: Listener | null;
  tts: Speaker | null;
  clock: Clock;
  /** Told of each step. */
  emit(fact: Fact): void;
  bootId: string;
  /** An earlier boot warned already that this text takes longer than its budget. */
  knownOverBudget?: boolean;
  /** A stop: nothing more is asked of anybody. */
  signal: AbortSignal;
  /** Opens the finish listener; tests give their own. */
  listen?: typeof listenForFinish;
}

const verbTimeoutMs = 2000;
const leastMsPerLetter = 10;
/** When a speak loses its connection: how long until the end of a TTS that is dying is known, ms. */
const lastWordsMs = 200;
const ttsEnded = "TTS ended while it spoke";
const firstRetryMs = 100, slowestRetryMs = 2000;

/** Greets, then enables listening. Never rejects; with the signal aborted it ends early. To be called once per boot. */
export async function greet(o: GreetingOptions): Promise<GreetingReport> {
  try {
    return await orchestrate(o).catch((error) => giveUp(o, error));
  } catch (error) {
    if (o.signal.aborted) return notSpoken("aborted", null);
    throw error;
  }
}

/** What was not foreseen (no descriptor for the finish listener) costs the greeting, not the wake word. */
async function giveUp(o: GreetingOptions, error: unknown): Promise<GreetingReport> {
  o.signal.throwIfAborted();
  const resumeAfterMs = await failed(o, reasonOf(error), o.clock.now());
  return notSpoken("failed", resumeAfterMs);
}

/** Tells why it was not spoken, and enables listening. */
async function failed(o: GreetingOptions, why: string, at: number): Promise<number | null> {
  tell(o, o.tts ?? o.kwd, { step: "failed", detail: why });
  return await enableListening(o.kwd!, o, 0, at);
}

async function orchestrate(o: GreetingOptions): Promise<GreetingReport> {
  const { plan, kwd, tts, clock, signal } = o;
  const ask = { signal, timeoutMs: verbTimeoutMs };
  if (!kwd) {
    tell(o, null, { step: "no_listener" });
    return notSpoken("skipped", null);
  }
  const spoken = plan.enabled && tts !== null && offers(tts.plan.control, "speak");
  const silentWhy = spoken
    ? null
    : !plan.enabled
    ? "the greeting is disabled"
    : tts
    ? `${tts.plan.name} has no control to speak with`
    : "no service has the role tts";
  tell(o, kwd, { step: "begun", silentWhy });

  // Of one that has no control `check` and the boot's first lines tell.
  if (spoken && plan.pauseDuringTts && offers(kwd.plan.control, "pause")) {
    const paused = await kwd.pause(ask);
    if (paused.state === "failed") tell(o, kwd, { step: "pause_refused", detail: paused.detail });
    if (paused.state === "not_offered") tell(o, kwd, { step: "no_control", detail: paused.detail });
  }
  const told = await kwd.onSystemReady(plan, ask);
  if (told.answer.state === "failed") tell(o, kwd, { step: "not_told", detail: told.answer.detail });
  if (!spoken) {
    const resumeAfterMs = await enableListening(kwd, o, 0, clock.now());
    return notSpoken(plan.enabled ? "skipped" : "disabled", resumeAfterMs);
  }
  if (told.greets) return await watchKwdGreet(kwd, o);

  tell(o, tts, { step: "speaking", text: plan.text });
  const began = clock.now();
  await using listener = (o.listen ?? listenForFinish)(
    greetingTag,
    randomHex(32),
    (detail) => tell(o, tts, { step: "ignored", detail }),
  );
  const result = await speak(tts, listener, o);
  const finishedAt = clock.now();
  const speakMs = finishedAt - began;
  if (!result.ok) {
    const why = result.timedOut
      ? `no end within ${watchdogMs(plan) / 1000} s (loader.post_boot_greeting.timeout_sec)`
      : result.detail;
    const resumeAfterMs = await failed(o, why, finishedAt);
    return notSpoken(result.timedOut ? "timeout" : "failed", resumeAfterMs);
  }
  tell(o, tts, { step: "finished", ms: speakMs });
  const heard = isPlausible(plan.text, speakMs);
  if (!heard) tell(o, tts, { step: "not_heard", characters: [...plan.text].length, ms: speakMs });
  if (isOverBudget(plan, speakMs) && !o.knownOverBudget) {
    tell(o, tts, { step: "over_budget", ms: speakMs, budgetMs: plan.budgetMs });
  }
  const resumeAfterMs = await enableListening(kwd, o, plan.resumeAfterMs + plan.outputLatencyMs, finishedAt);
  return {
    outcome: heard ? "spoken" : "not heard",
    speakMs,
    resumeAfterMs,
    listening: resumeAfterMs !== null,
  };
}

function notSpoken(outcome: GreetingReport["outcome"], resumeAfterMs: number | null): GreetingReport {
  return { outcome, speakMs: null, resumeAfterMs, listening: resumeAfterMs !== null };
}

/**
 * A voice without a sound card "speaks" within a moment. The fastest that is still understood takes some 25 ms for a
 * letter; what makes no sound is not counted.
 */
function isPlausible(text: string, speakMs: number): boolean {
  return speakMs >= leastMsPerLetter * (text.match(/[\p{L}\p{N}]/gu)?.length ?? 0);
}

/** §13: a missing finish event forces the resume after max(timeout, 2 s). */
function watchdogMs(plan: GreetingPlan): number {
  return Math.max(plan.timeoutMs, 2000);
}

/** KWD calls TTS and resumes by itself; at the watchdog's end `resume` is sent in any case. */
async function watchKwdGreet(kwd: Listener, o: GreetingOptions): Promise<GreetingReport> {
  tell(o, kwd, { step: "by_kwd" });
  await o.clock.sleep(watchdogMs(o.plan), o.signal);
  const accepted = await enableListening(kwd, o, 0, o.clock.now());
  // When the sound ended is not known here, so there is no figure.
  return { outcome: "by_kwd", speakMs: null, resumeAfterMs: null, listening: accepted !== null };
}

interface Spoken {
  ok: boolean;
  timedOut: boolean;
  detail: string;
}

/** Asks TTS once and waits for the end of the sound, however it is told, at most until the watchdog. */
async function speak(tts: Speaker, listener: FinishListener, o: GreetingOptions): Promise<Spoken> {
  const limitMs = watchdogMs(o.plan);
  const over = new AbortController();
  const ended = tts.copy?.exited.then(() => over.abort(new DOMException("TTS ended", "AbortError")));
  using limit = deadline(o.clock, limitMs, AbortSignal.any([o.signal, over.signal]));
  const asked = tts.speak(o.plan.text, greetingTag, {
    signal: limit.signal,
    timeoutMs: limitMs,
    finishedUrl: listener.url,
  }).then(async (answer): Promise<Spoken> => {
    if (answer.state === "finished") return { ok: true, timedOut: false, detail: "" };
    if (answer.state === "accepted") return await told;
    // A TTS that dies takes its connection along, and that it died is known a moment later.
    if (answer.state === "failed" && answer.lost && ended) {
      await Promise.race([ended, o.clock.sleep(lastWordsMs, limit.signal)]);
    }
    // What the runtime has not told yet the kernel knows.
    const dead = answer.state === "failed" && answer.lost && tts.copy?.running === false;
    return { ok: false, timedOut: false, detail: dead ? ttsEnded : answer.detail };
  });
  const told = orAbort(listener.finished, limit.signal)
    .then(({ ok, detail }): Spoken => ({ ok, timedOut: false, detail }));
  try {
    const spoken = await Promise.race([asked, told]);
    // A command that was ended by the watchdog fails as any other: what ended it is told.
    const cut = limit.signal.aborted && !over.signal.aborted && !o.signal.aborted;
    return !spoken.ok && cut ? { ...spoken, timedOut: true } : spoken;
  } catch (error) {
    o.signal.throwIfAborted();
    if (over.signal.aborted) return { ok: false, timedOut: false, detail: ttsEnded };
    if (limit.signal.aborted) return { ok: false, timedOut: true, detail: "" };
    throw error;
  } finally {
    over.abort(new DOMException("the greeting is over", "AbortError"));
    listener.over();
    await Promise.allSettled([asked, told]);
  }
}

/**
 * Waits for the guard, then sends `resume` until KWD accepts it or does not live any more. Returns ms since the end
 * of the sound; null when KWD was not there to accept.
 */
export async function enableListening(
  kwd: Listener,
  o: Pick<GreetingOptions, "clock" | "emit" | "signal">,
  guardMs: number,
  finishedAt: number,
): Promise<number | null> {
  const { clock, signal } = o;
  const copy = kwd.copy;
  await clock.sleep(Math.max(0, finishedAt + guardMs - clock.now()), signal);
  for (let pause = firstRetryMs, tries = 1;; pause = Math.min(pause * 2, slowestRetryMs), tries++) {
    const answer = await kwd.resume({ signal, timeoutMs: verbTimeoutMs });
    if (answer.state === "failed") {
      // Nobody is there, or a copy that died takes its refusal along: the next one is told when it is up.
      if (!kwd.external && (kwd.copy !== copy || copy?.status !== null)) return null;
      if (tries === 1) tell(o, kwd, { step: "resume_refused", detail: answer.detail });
      await clock.sleep(pause, signal);
      continue;
    }
    if (answer.state === "not_offered") {
      tell(o, kwd, { step: "not_known" });
      return null;
    }
    const afterMs = clock.now() - finishedAt;
    tell(o, kwd, { step: "listening", afterMs, guardMs });
    return afterMs;
  }
}

function tell(
  o: Pick<GreetingOptions, "emit">,
  who: Pick<Listener, "plan"> | null,
  step: GreetingStep,
): void {
  o.emit({ fact: "greeting", service: who && who.plan.name, ...step });
}
