/** A clock that stands still until the test moves it. */
import { setImmediate } from "node:timers";
import type { Clock } from "../../lib/sys/clock.ts";

interface Timer {
  at: number;
  seq: number;
  fn: () => void;
}

/** Implements {@link Clock}; `advance()` fires what became due, in order, letting promises settle in between. */
export class FakeClock implements Clock {
  #now = 0;
  #seq = 0;
  #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  wall(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#now);
  }

  after(ms: number, fn: () => void): Disposable {
    const timer = { at: this.#now + Math.max(0, ms), seq: this.#seq++, fn };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      timer[Symbol.dispose]();
      reject(signal!.reason);
    };
    const timer = this.after(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    return promise;
  }

  /** Timers that have not fired and were not disposed: a lifecycle test ends with none. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets all settled promises run their continuations, without moving time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve)); // a turn of the event loop; a timer of 0 takes 1 ms
  }

  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.settle();
    for (;;) {
      const due = [...this.#timers].filter((t) =>
        t.at <= end
      ).sort((a, b) => a.at - b.at || a.seq - b.seq)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.fn();
      await this.settle();
    }
    this.#now = end;
  }
}
