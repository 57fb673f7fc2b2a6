/**
 * When to hold back: nobody may have to wait for memory or for the disk because we read ahead. Spec: §9.
 *
 * Our own reading counts as waiting for the disk, too. So from time to time we are quiet for a moment, and what the
 * kernel counts in that moment are the others. The first stretch is read at once: most tokenizers are done with that.
 */
import type { Clock } from "../sys/clock.ts";
import type { Machine } from "./pressure.ts";

export interface ConsiderateOptions {
  machine: Machine;
  clock: Clock;
  signal: AbortSignal;
}

/** Reading between two moments of quiet, the moment itself, and how long to wait when others need the disk; ms. */
const readMs = 250;
const quietMs = 20;
const holdMs = { first: 100, longest: 1000 };
/** Share of the time in which somebody else waits for the disk, above which we hold back. */
const ioShare = 0.5;
/** Memory: percent of the last 10 s, and share of the time since we looked last, in which somebody waited for it. */
const memoryAvg10 = 10;
const memoryShare = 0.1;

export class ReadThrottle {
  readonly #o: ConsiderateOptions;
  #nextAt: number | null = null;
  #memory: { at: number; totalMs: number } | null = null;
  /** For how long we held back in all, ms. */
  heldBackMs = 0;

  constructor(o: ConsiderateOptions) {
    this.#o = o;
  }

  /** Call before each stretch of reading: waits while others need the disk; gives a reason to stop for good, or null. */
  async mayRead(): Promise<string | null> {
    const { clock, machine, signal } = this.#o;
    if (this.#nextAt === null) {
      this.#nextAt = clock.now() + readMs;
      return this.#memoryShort();
    }
    if (clock.now() < this.#nextAt) return null;
    for (let hold = holdMs.first;; hold = Math.min(2 * hold, holdMs.longest)) {
      const short = this.#memoryShort();
      if (short) return short;
      const before = machine.pressure("io");
      if (!before) break;
      const began = clock.now();
      await clock.sleep(quietMs, signal);
      const waited = (machine.pressure("io") ?? before).totalMs - before.totalMs;
      if (waited <= ioShare * (clock.now() - began)) break;
      await clock.sleep(hold, signal);
      this.heldBackMs += clock.now() - began;
    }
    this.#nextAt = clock.now() + readMs;
    return null;
  }

  #memoryShort(): string | null {
    const { clock, machine } = this.#o;
    const now = machine.pressure("memory");
    if (!now) return null;
    const before = this.#memory;
    this.#memory = { at: clock.now(), totalMs: now.totalMs };
    const rising = before !== null && now.totalMs - before.totalMs > memoryShare * (clock.now() - before.at);
    return rising || now.avg10 > memoryAvg10 ? "stopped: memory is short" : null;
  }
}
