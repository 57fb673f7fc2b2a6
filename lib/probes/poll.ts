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
    using alarm = alarmOf(probes[i], clock);
    while (!await ask(i)) await alarm.wait(pace(), signal);
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

/** The pause between two questions: a stretch of time for a pull probe, the probe's own call for a push probe. */
function alarmOf(
  probe: Probe,
  clock: Clock,
): Disposable & { wait(ms: number, signal: AbortSignal): Promise<void> } {
  if (!probe.onReady) return { wait: (ms, signal) => clock.sleep(ms, signal), [Symbol.dispose]() {} };
  let rang = Promise.withResolvers<void>();
  const subscription = probe.onReady(() => rang.resolve());
  return {
    async wait(_ms, signal) {
      signal.throwIfAborted();
      const onAbort = () => rang.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        await rang.promise;
      } finally {
        signal.removeEventListener("abort", onAbort);
        rang = Promise.withResolvers();
      }
    },
    [Symbol.dispose]: () => subscription[Symbol.dispose](),
  };
}
