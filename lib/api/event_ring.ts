/** The last facts of the boot, each with an id, for whoever asks what has happened. An observer: nobody waits for it. */
import type { Fact } from "../model/events.ts";

export interface Event {
  /** `<boot>.<number>`: an id of another boot is not mistaken for one of this. */
  id: string;
  /** ISO 8601. */
  at: string;
  fact: Fact;
}

/** How many are kept. */
const kept = 1000;

export class EventRing {
  #boot: string;
  #events: Event[] = [];
  #count = 0;
  #wake = Promise.withResolvers<void>();

  constructor(boot: string) {
    this.#boot = boot.slice(0, 8);
  }

  note(fact: Fact, at: Date): void {
    this.#events.push({ id: `${this.#boot}.${++this.#count}`, at: at.toISOString(), fact });
    if (this.#events.length > 2 * kept) this.#events.splice(0, kept);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Those after the one of this id, oldest first; all that are kept when it is unknown or of another boot. */
  after(id: string | null): readonly Event[] {
    const [boot, number] = id?.split(".") ?? [];
    const seen = boot === this.#boot ? Number(number) : NaN;
    const first = this.#count - this.#events.length;
    const from = seen >= 0 && seen <= this.#count ? Math.max(0, seen - first) : 0;
    return this.#events.slice(Math.max(from, this.#events.length - kept));
  }

  /** Resolves with the next one. */
  next(): Promise<void> {
    return this.#wake.promise;
  }
}
