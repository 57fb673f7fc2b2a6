/** Keeps a guardian beside the loader as long as it lives: one that dies is replaced. Spec: §8; CONTRACT §1. */
import type { Log } from "../log/mod.ts";
import { type Guardian, startGuardian } from "../sys/guardian.ts";

/** What is noted is ended if the loader dies without doing so itself. */
export class WatchOver implements AsyncDisposable {
  #o: { bootId: string; graceMs: number; log: Log };
  #groups = new Set<number>();
  #guardian: Guardian;
  #over = false;

  constructor(o: { bootId: string; graceMs: number; log: Log }) {
    this.#o = o;
    this.#guardian = this.#start();
  }

  #start(): Guardian {
    const guardian = startGuardian({
      bootId: this.#o.bootId,
      graceMs: this.#o.graceMs,
      onDied: (reason) => {
        if (this.#over || this.#guardian !== guardian) return;
        this.#o.log.warning("LOADER", `The guardian ended (${reason}); starting another`);
        this.#guardian = this.#start();
        for (const pgid of this.#groups) this.#guardian.note(pgid);
      },
    });
    return guardian;
  }

  note(pgid: number): void {
    this.#groups.add(pgid);
    this.#guardian.note(pgid);
  }

  forget(pgid: number): void {
    this.#groups.delete(pgid);
    this.#guardian.forget(pgid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#guardian[Symbol.asyncDispose]();
  }
}
