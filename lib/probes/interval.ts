/** What passes between two questions to one probe. */
import { orAbort } from "../async.ts";
import type { Clock } from "../sys/clock.ts";
import type { Pause } from "./pace.ts";
import type { OwnSigns } from "./signs.ts";

/** Between two questions to a push probe: until it calls, however long that takes. */
export class Call implements Disposable {
  #rang = Promise.withResolvers<void>();
  #subscription: Disposable;

  constructor(onReady: (fn: () => void) => Disposable) {
    this.#subscription = onReady(() => this.#rang.resolve());
  }

  async wait(_pause: Pause, signal: AbortSignal): Promise<void> {
    await orAbort(this.#rang.promise, signal);
    this.#rang = Promise.withResolvers();
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}

/**
 * Between two questions to a pull probe: a stretch of time, which a sign of life cuts short.
 *
 * While nobody hears the questions, the next ones are short too, each twice as long as the one before, since some say
 * that they are ready right before they are. Once they are heard, what a sign takes from one pause the next one gives
 * back: whatever a service prints, it is asked no more often over time.
 */
export class Interval implements Disposable {
  #clock: Clock;
  #subscription: Disposable;
  #signed = false;
  #cutShort: (() => void) | null = null;
  #longestMs = Infinity;
  #owedMs = 0;

  constructor(clock: Clock, signs: OwnSigns) {
    this.#clock = clock;
    this.#subscription = signs.listen(() => {
      this.#signed = true;
      this.#cutShort?.();
    });
  }

  async wait({ usualMs, leastMs, heard }: Pause, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<void>();
    const began = this.#clock.now();
    const wholeMs = heard ? usualMs + this.#owedMs : Math.min(usualMs, this.#longestMs);
    const shortestMs = heard ? Math.min(wholeMs, this.#owedMs > 0 ? usualMs : leastMs) : leastMs;
    let timer = this.#clock.after(wholeMs, over.resolve);
    this.#longestMs *= 2;
    this.#cutShort = () => {
      if (!heard) this.#longestMs = firstAfterSignMs;
      const left = shortestMs - (this.#clock.now() - began);
      timer[Symbol.dispose]();
      if (left > 0) timer = this.#clock.after(left, over.resolve);
      else over.resolve();
    };
    if (this.#signed) this.#cutShort(); // it came while the question was asked
    try {
      await orAbort(over.promise, signal);
    } finally {
      timer[Symbol.dispose]();
      this.#cutShort = null;
      this.#signed = false;
      this.#owedMs = heard ? Math.max(0, began + wholeMs - this.#clock.now()) : 0;
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }
}

/** The pause after the question that a sign led to, while questions are not heard. */
const firstAfterSignMs = 2;
