/** Keeps a guardian beside the loader as long as it lives: one that dies is replaced. Spec: §8; CONTRACT §1. */
import type { Log } from "../log/mod.ts";
import { type Guardian, startGuardian } from "../sys/guardian.ts";
import type { Identity } from "../sys/process.ts";

/** What is noted is ended if the loader dies without doing so itself. */
export class WatchOver implements AsyncDisposable {
  #o: { bootId: string; graceMs: number; log: Log };
  #groups = new Map<number, Identity>();
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
        for (const leader of this.#groups.values()) this.#guardian.note(leader);
      },
    });
    return guardian;
  }

  /** This process leads a group that is to be ended. */
  note(leader: Identity): void {
    this.#groups.set(leader.pid, leader);
    this.#guardian.note(leader);
  }

  /** Its group is gone. */
  forget(leader: Identity): void {
    if (this.#groups.get(leader.pid)?.startTime === leader.startTime) this.#groups.delete(leader.pid);
    this.#guardian.forget(leader);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#guardian[Symbol.asyncDispose]();
  }
}
