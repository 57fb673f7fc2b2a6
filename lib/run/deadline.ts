/** A time limit that the one who is waited for may move (EXTEND_TIMEOUT_USEC). CONTRACT §2. */
import type { Clock } from "../sys/clock.ts";

/** No service extends its own limit beyond this many times the configured one. */
const hardCap = 10;

export class ExtendableDeadline implements Disposable {
  #clock: Clock;
  #began: number;
  #cap: number;
  #end: number;
  #timer: Disposable;
  #expired: () => void = () => {};

  /** Expires `limitMs` from now. */
  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#began = clock.now();
    this.#cap = this.#began + limitMs * hardCap;
    this.#end = this.#began + limitMs;
    this.#timer = clock.after(limitMs, () => this.#expired());
  }

  /** The whole limit as it is now, ms from the beginning. */
  get limitMs(): number {
    return this.#end - this.#began;
  }

  onExpired(fn: () => void): void {
    this.#expired = fn;
  }

  /** Not before `ms` from now; never earlier than it already was, never beyond ten times the first limit. */
  extend(ms: number): void {
    const end = Math.min(this.#clock.now() + ms, this.#cap);
    if (end <= this.#end) return;
    this.#end = end;
    this.#timer[Symbol.dispose]();
    this.#timer = this.#clock.after(end - this.#clock.now(), () => this.#expired());
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
