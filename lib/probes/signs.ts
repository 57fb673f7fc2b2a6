/** Signs of life: what a service prints or notifies often means that it got somewhere. CONTRACT §2. */
import type { Clock } from "../sys/clock.ts";
import { echoMs } from "./pace.ts";

/** Where a sign comes from. Output may be an echo of our own question; what was notified was meant for us. */
export type ActivityKind = "output" | "notify";

/** Somewhere to hear signs. */
export type OnActivity = (fn: (kind: ActivityKind) => void) => Disposable;

/**
 * Passes on the signs that a service gives by itself. What it prints while a question of ours is open, or shortly after
 * the answer, is taken for an echo: a server that logs its requests would else be asked because it was asked.
 */
export class OwnSigns implements Disposable {
  #clock: Clock;
  #subscription: Disposable | undefined;
  #listeners = new Set<() => void>();
  #open = 0;
  #answeredAt = -Infinity;
  /** Something was printed while a question was open; whether that was an echo shows at its end. */
  #heldBack = false;

  constructor(clock: Clock, onActivity?: OnActivity) {
    this.#clock = clock;
    this.#subscription = onActivity?.((kind) => this.#take(kind));
  }

  listen(fn: () => void): Disposable {
    this.#listeners.add(fn);
    return { [Symbol.dispose]: () => void this.#listeners.delete(fn) };
  }

  asking(): void {
    this.#open++;
  }

  /** @param answered by the service, which therefore may have printed something because of it. */
  asked(answered: boolean): void {
    this.#open--;
    if (answered) {
      this.#answeredAt = this.#clock.now();
      this.#heldBack = false;
    } else if (this.#open === 0 && this.#heldBack) {
      this.#heldBack = false;
      this.#tell();
    }
  }

  #take(kind: ActivityKind): void {
    if (kind === "notify") return this.#tell();
    if (this.#open > 0) this.#heldBack = true;
    else if (this.#clock.now() - this.#answeredAt >= echoMs) this.#tell();
  }

  #tell(): void {
    for (const fn of this.#listeners) fn();
  }

  [Symbol.dispose](): void {
    this.#subscription?.[Symbol.dispose]();
  }
}
