/** A time limit that the one who is waited for may move, by asking (EXTEND_TIMEOUT_USEC) or by its progress. CONTRACT §2. */
import type { Clock } from "../sys/clock.ts";

/** No service extends its own limit beyond this many times the configured one. */
const hardCap = 10;
/** A sign of progress is good for at least this part of the first limit from then on. */
const progressShare = 0.25;

export class ExtendableDeadline implements Disposable {
  #clock: Clock;
  #began: number;
  #first: number;
  #cap: number;
  #progressCap: number;
  #end: number;
  #timer: Disposable;
  #expired: () => void = () => {};

  /** Expires `limitMs` from now; progress may move that to `progressingMs` from now. */
  constructor(clock: Clock, limitMs: number, progressingMs: number = limitMs) {
    this.#clock = clock;
    this.#began = clock.now();
    this.#first = limitMs;
    this.#progressCap = this.#began + progressingMs;
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
    this.#move(Math.min(this.#clock.now() + ms, this.#cap));
  }

  /** It got on. */
  progress(): void {
    this.#move(Math.min(this.#clock.now() + this.#first * progressShare, this.#progressCap));
  }

  #move(end: number): void {
    if (end <= this.#end) return;
    this.#end = end;
    this.#timer[Symbol.dispose]();
    this.#timer = this.#clock.after(end - this.#clock.now(), () => this.#expired());
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}
