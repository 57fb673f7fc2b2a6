/** Carries facts from those who know them to those who tell them. */
import type { Fact, Observer } from "./events.ts";

export class EventBus {
  #observers = new Set<Observer>();
  #broken: (error: unknown) => void;

  /** `broken` hears once of each observer that threw: it is told nothing more. */
  constructor(broken: (error: unknown) => void) {
    this.#broken = broken;
  }

  /** Told of all that happens from now on, after those who were there before. */
  observe(observer: Observer): Disposable {
    this.#observers.add(observer);
    return { [Symbol.dispose]: () => void this.#observers.delete(observer) };
  }

  /** Tells everybody. Never throws: whatever becomes of the telling, the boot goes on. */
  readonly emit = (fact: Fact): void => {
    for (const observer of this.#observers) {
      try {
        observer(fact);
      } catch (error) {
        this.#observers.delete(observer);
        this.#broken(error);
      }
    }
  };
}
