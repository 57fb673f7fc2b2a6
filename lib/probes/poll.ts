/**
 * The pace of asking, and the wait for readiness. `readiness_poll_ms` is the slowest pace, not the usual one: what
 * a gate adds to a boot is the time between two questions, so they come densely while little time has passed, and again
 * around the moment at which earlier boots were ready. Spec: §6, §9; CONTRACT §2.
 */
import { type Clock } from "../sys/clock.ts";
import type { Probe } from "./types.ts";

/** A timer is never more precise than this, and nothing is gained by asking faster. */
const fastestMs = 2;
/** Of the time already waited: the lag that one may add to it. */
const share = 0.01;
/** History's prediction is believed this much to either side. */
const tolerance = 0.1;
/** At most this many questions in the whole stretch around the predicted moment. */
const densePoints = 400;
/** A sign of life cuts a pause short, but never to less than this part of it: a service may talk all the time. */
const leastShare = 0.1;

/**
 * How long to wait before asking again, after `waitedMs` of waiting. `maxMs` is the slowest pace (`readiness_poll_ms`),
 * `expectedMs` the moment at which history says it will be ready.
 */
export function nextDelayMs(waitedMs: number, maxMs: number, expectedMs?: number | null): number {
  const slowest = Math.max(fastestMs, maxMs);
  const usual = clamp(waitedMs * share, fastestMs, slowest);
  if (!expectedMs || expectedMs <= 0) return usual;
  const [from, to] = [expectedMs * (1 - tolerance), expectedMs * (1 + tolerance)];
  if (waitedMs > to) return usual;
  const dense = clamp(2 * tolerance * expectedMs / densePoints, fastestMs, slowest);
  // Before the stretch, never sleep into it.
  return waitedMs >= from ? Math.min(usual, dense) : clamp(from - waitedMs, fastestMs, usual);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

export interface WaitOptions {
  clock: Clock;
  /** Ends the wait: the overall timeout, the child's death, a stop. Its reason is what the wait rejects with. */
  signal: AbortSignal;
  /** `readiness_poll_ms`. */
  pollMaxMs: number;
  /** For one check. */
  timeoutMs: number;
  expectedMs?: number | null;
  /** Calls back whenever the service gives a sign of life: what it prints or notifies often means that it got somewhere. */
  onSign?(fn: () => void): Disposable;
  /** Called whenever what is still missing changes: the last words to quote when time is up. */
  onWaiting?(detail: string): void;
}

export interface ReadyResult {
  /** From the call to the moment at which all probes held. */
  afterMs: number;
  detail: string;
}

/**
 * Resolves as soon as all probes hold at once. Probes are asked side by side, each at its own pace and never twice
 * at a time; push probes are asked once and then only when they call. Rejects only with `signal`'s reason.
 */
export async function waitReady(probes: readonly Probe[], options: WaitOptions): Promise<ReadyResult> {
  const { clock } = options;
  options.signal.throwIfAborted();
  const began = clock.now();
  // A probe that breaks its promise never to reject ends the whole wait, instead of leaving the others running.
  const broken = new AbortController();
  const signal = AbortSignal.any([options.signal, broken.signal]);
  const details = new Map<number, string>();
  const missing = new Set(probes.keys());
  let lastReady = -1;
  let lastReported = "";
  // With several probes, each answer says whose it is.
  const inWords = (indexes: number[]) =>
    indexes.map((i) => (probes.length > 1 ? `${probes[i].description}: ` : "") + details.get(i)).join("; ");
  const report = () => {
    const text = inWords([...missing].filter((i) => details.has(i)));
    if (text === "" || text === lastReported) return;
    lastReported = text;
    options.onWaiting?.(text);
  };
  const ask = async (i: number): Promise<boolean> => {
    const result = await probes[i].check({ signal, timeoutMs: options.timeoutMs });
    details.set(i, result.detail);
    if (result.state === "ready") {
      missing.delete(i);
      lastReady = i;
    } else missing.add(i);
    report();
    return result.state === "ready";
  };
  const pace = () => nextDelayMs(clock.now() - began, options.pollMaxMs, options.expectedMs);
  const follow = async (i: number): Promise<void> => {
    const probe = probes[i];
    using pause = probe.onReady ? new Call(probe.onReady.bind(probe)) : new Pause(clock, options.onSign);
    while (!await ask(i)) await pause.wait(pace(), signal);
  };
  const together = async (indexes: Iterable<number>, act: (i: number) => Promise<unknown>) => {
    const all = [...indexes].map(async (i) => {
      try {
        await act(i);
      } catch (error) {
        broken.abort(error);
        throw signal.reason;
      }
    });
    await Promise.allSettled(all);
    signal.throwIfAborted();
  };
  for (;;) {
    await together(missing, follow);
    // Each was ready at its own moment: that they hold at once is known only after asking the earlier ones again.
    await together(probes.keys().filter((i) => i !== lastReady), ask);
    if (missing.size === 0) break;
    await clock.sleep(pace(), signal);
  }
  return { afterMs: clock.now() - began, detail: inWords([...probes.keys()]) };
}

/** Between two questions to a push probe: until it calls, however long that takes. */
class Call implements Disposable {
  #rang = Promise.withResolvers<void>();
  #subscription: Disposable;

  constructor(onReady: (fn: () => void) => Disposable) {
    this.#subscription = onReady(() => this.#rang.resolve());
  }

  async wait(_ms: number, signal: AbortSignal): Promise<void> {
    await abortable(this.#rang, signal);
    this.#rang = Promise.withResolvers();
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}

/**
 * Between two questions to a pull probe: a stretch of time. A sign of life cuts it short, and the next ones too, each
 * twice as long as the one before, since some say that they are ready right before they are.
 */
class Pause implements Disposable {
  #clock: Clock;
  #subscription: Disposable | undefined;
  #signed = false;
  #cutShort: (() => void) | null = null;
  #longestMs = Infinity;

  constructor(clock: Clock, onSign?: (fn: () => void) => Disposable) {
    this.#clock = clock;
    this.#subscription = onSign?.(() => {
      this.#signed = true;
      this.#cutShort?.();
    });
  }

  async wait(usualMs: number, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const began = this.#clock.now();
    let timer = this.#clock.after(Math.min(usualMs, this.#longestMs), over.resolve);
    this.#longestMs *= 2;
    this.#cutShort = () => {
      timer[Symbol.dispose]();
      this.#longestMs = fastestMs;
      const left = usualMs * leastShare - (this.#clock.now() - began);
      if (left > 0) timer = this.#clock.after(left, over.resolve);
      else over.resolve();
    };
    if (this.#signed) this.#cutShort(); // it came while the question was asked
    try {
      await abortable(over, signal);
    } finally {
      timer[Symbol.dispose]();
      this.#cutShort = null;
      this.#signed = false;
    }
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]();
  }
}

/** Waits for it, or rejects with the signal's reason. */
async function abortable(event: PromiseWithResolvers<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const onAbort = () => event.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await event.promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
