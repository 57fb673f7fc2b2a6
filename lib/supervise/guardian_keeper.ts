/** Keeps a guardian beside the loader as long as it lives: one that dies is replaced. Spec: §8; CONTRACT §1. */
import { reasonOf } from "../errors.ts";
import type { Log } from "../log/mod.ts";
import type { Clock } from "../sys/clock.ts";
import {
  goOnWithGuardian,
  type Guardian,
  type KeptGuardian,
  startGuardian,
} from "../sys/process/guardian.ts";
import { type Identity, identityFrom, identityText } from "../sys/process/process.ts";

export interface GuardianKeeperOptions {
  bootId: string;
  graceMs: number;
  log: Log;
  clock: Clock;
  /** What an earlier version of this program had. */
  kept?: KeptGuardianKeeper | null | undefined;
  /** Tests give their own. */
  start?: typeof startGuardian;
}

/** The guardian, and what it was told: identities as `identityText` writes them. */
export interface KeptGuardianKeeper {
  guardian: KeptGuardian | null;
  leaders: string[];
  /** A leader and those who left its group. */
  seen: string[][];
}

const firstPauseMs = 1000, longestPauseMs = 30_000;

/**
 * What is noted is ended if the loader dies without doing so itself. Where no guardian can be started (no free descriptor
 * or pid), the loader goes on without one, says so once, and tries again.
 */
export class GuardianKeeper implements AsyncDisposable {
  #o: GuardianKeeperOptions;
  #leaders = new Map<number, Identity>();
  #seen = new Map<number, { leader: Identity; who: readonly Identity[] }>();
  #guardian: Guardian | null = null;
  #startedAt = 0;
  #unguarded = false;
  #pauseMs = firstPauseMs;
  #again: Disposable | null = null;
  #over = false;

  constructor(o: GuardianKeeperOptions) {
    this.#o = o;
    for (const leader of o.kept?.leaders.map(identityFrom) ?? []) this.#leaders.set(leader.pid, leader);
    for (const [leader, ...who] of o.kept?.seen.map((ids) => ids.map(identityFrom)) ?? []) {
      if (leader) this.#seen.set(leader.pid, { leader, who });
    }
    this.#start(o.kept?.guardian ?? null);
  }

  /** For another version of this program. */
  get kept(): KeptGuardianKeeper {
    const { pid, input } = this.#guardian ?? {};
    return {
      guardian: pid === undefined || input === undefined ? null : { pid, input },
      leaders: [...this.#leaders.values()].map(identityText),
      seen: [...this.#seen.values()].map(({ leader, who }) => [leader, ...who].map(identityText)),
    };
  }

  #start(kept: KeptGuardian | null = null): void {
    const { bootId, graceMs, log, clock, start = startGuardian } = this.#o;
    this.#again = null;
    this.#startedAt = clock.now();
    try {
      const options = { bootId, graceMs, onDied: (reason: string) => this.#died(guardian, reason) };
      const guardian: Guardian = kept ? goOnWithGuardian(kept, options) : start(options);
      this.#guardian = guardian;
      if (kept) return; // it knows all
    } catch (error) {
      if (!this.#unguarded) {
        log.warning(
          "LOADER",
          `No guardian can be started (${
            reasonOf(error)
          }): if the loader is killed now, its services go on; trying again`,
        );
      }
      this.#unguarded = true;
      return this.#later();
    }
    for (const leader of this.#leaders.values()) this.#guardian.note(leader);
    for (const { leader, who } of this.#seen.values()) this.#guardian.seen(leader, who);
    if (this.#unguarded) log.info("LOADER", `The guardian is there again (pid ${this.#guardian.pid})`);
    this.#unguarded = false;
  }

  #died(guardian: Guardian, reason: string): void {
    if (this.#over || this.#guardian !== guardian) return;
    this.#guardian = null;
    this.#o.log.warning("LOADER", `The guardian ended (${reason}); starting another`);
    const lived = this.#o.clock.now() - this.#startedAt;
    if (lived < firstPauseMs) return this.#later(); // something ends each of them: no storm of starts
    if (lived > longestPauseMs) this.#pauseMs = firstPauseMs;
    this.#start();
  }

  #later(): void {
    this.#again = this.#o.clock.after(this.#pauseMs, () => this.#start());
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  /** Another one takes over, with another grace. */
  renew(graceMs: number): void {
    const old = this.#guardian;
    this.#o = { ...this.#o, graceMs };
    this.#guardian = null;
    this.#again?.[Symbol.dispose]();
    this.#start();
    void old?.[Symbol.asyncDispose]();
  }

  /** This process leads a group that is to be ended. */
  note(leader: Identity): void {
    this.#leaders.set(leader.pid, leader);
    this.#guardian?.note(leader);
  }

  /** These have left its group and carry no boot id. A leader of pid 0: we do not know whose they are. */
  seen(leader: Identity, who: readonly Identity[]): void {
    this.#seen.set(leader.pid, { leader, who });
    this.#guardian?.seen(leader, who);
  }

  /** Its group is gone, and who left it. */
  forget(leader: Identity): void {
    if (this.#leaders.get(leader.pid)?.startTime === leader.startTime) this.#leaders.delete(leader.pid);
    if (this.#seen.get(leader.pid)?.leader.startTime === leader.startTime) this.#seen.delete(leader.pid);
    this.#guardian?.forget(leader);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    this.#again?.[Symbol.dispose]();
    await this.#guardian?.[Symbol.asyncDispose]();
  }
}
