/**
 * Time, behind an interface: the only place with bare timers, so that the state machines and the greeting
 * can be driven by a clock that tests hold in their hand.
 */
import { withoutStack } from "./process/descriptors.ts";

/** Where all waiting and all durations come from. Times are milliseconds. */
export interface Clock {
  /** Monotonic time in ms; only differences mean something. */
  now(): number;
  /** Wall-clock time, for time stamps that people read. */
  wall(): Date;
  /** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` once after `ms`, unless disposed before. */
  after(ms: number, fn: () => void): Disposable;
}

/** What the clock of the version of the program before us showed when ours began, ms; 0 when there was none. */
let origin = 0;

/** Times of an earlier version of this program go on to mean something: it is `now`, by its clock. */
export function goOnFrom(now: number): void {
  origin = now - performance.now();
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => origin + performance.now(),
  wall: () => new Date(),
  sleep(ms, signal) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
    return promise;
  },
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** An AbortSignal that fires after `ms` (with a TimeoutError) or with `parent`, and whose timer is released by disposal. */
export function deadline(
  clock: Clock,
  ms: number,
  parent?: AbortSignal,
): Disposable & { signal: AbortSignal } {
  const controller = new AbortController();
  const timer = clock.after(
    ms,
    () => controller.abort(withoutStack(() => new DOMException(`timed out after ${ms} ms`, "TimeoutError"))),
  );
  const onAbort = () => controller.abort(parent!.reason);
  if (parent?.aborted) onAbort();
  else parent?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      timer[Symbol.dispose]();
      parent?.removeEventListener("abort", onAbort);
    },
  };
}

/** Calls `act` each `ms` until it is disposed of. */
export function every(clock: Clock, ms: number, act: () => void): Disposable {
  let timer: Disposable;
  const arm = () => {
    timer = clock.after(ms, () => {
      act();
      arm();
    });
  };
  arm();
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** True if `error` is what an aborted wait rejects with. */
export function isAbort(error: unknown, signal?: AbortSignal): boolean {
  if (signal?.aborted && error === signal.reason) return true;
  return error instanceof DOMException && (error.name === "AbortError" || error.name === "TimeoutError");
}
