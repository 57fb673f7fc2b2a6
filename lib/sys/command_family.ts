/**
 * Who belongs to a command: its leader, whoever descends from it, and what it left behind. Spec: §4; CONTRACT §8.
 *
 * The proof is never a number alone, since pids, groups and sessions are used again. It is one of: the leader itself or a
 * process seen below it (pid and start time), descent from such a one, the command's own mark in the environment, or that
 * we inherited it (its parents died) out of the leader's group or session.
 */
import { livingMembers } from "./group.ts";
import type { Identity } from "./process.ts";
import { allStats, environmentOf, family, isGone, type ProcessStat, readStat } from "./procfs.ts";
import { inheritsOrphans, reapInherited } from "./reaper.ts";

/** In the environment of every command that the loader runs itself, with a value of its own for each run. */
export const commandVariable = "ALEXA_COMMAND";

export class CommandFamily {
  readonly leader: Identity;
  #mark: string;
  /** Everybody who was seen in it, by pid: who leaves the tree later is known all the same. */
  #seen = new Map<number, Identity>();

  /** The family of a command that was just started. `mark`: its value of ALEXA_COMMAND. */
  constructor(pid: number, mark: string) {
    this.#mark = mark;
    this.leader = { pid, startTime: readStat(pid)?.startTime ?? 0 };
    this.#seen.set(pid, this.leader);
  }

  /** Looked up now. */
  living(): ProcessStat[] {
    const found = new Map<number, ProcessStat>();
    const add = (root: number) => {
      for (const stat of family(root)) found.set(stat.pid, stat);
    };
    for (const { pid, startTime } of this.#seen.values()) {
      if (found.has(pid)) continue;
      if (readStat(pid)?.startTime === startTime) add(pid);
      else this.#seen.delete(pid);
    }
    for (const orphan of inheritsOrphans() ? reapInherited() : this.#younger()) {
      if (!found.has(orphan.pid) && this.#left(orphan)) add(orphan.pid);
    }
    // The kernel's list of children may miss one while another of them ends.
    if (found.size === 0) {
      for (const stat of livingMembers(this.leader.pid)) if (this.#carriesMark(stat)) add(stat.pid);
    }
    for (const stat of found.values()) this.#seen.set(stat.pid, stat);
    return [...found.values()];
  }

  /** Where orphans go to somebody else, they are looked for among all. */
  #younger(): ProcessStat[] {
    return [...allStats().values()].filter((stat) =>
      stat.startTime >= this.leader.startTime && !isGone(stat)
    );
  }

  #left(orphan: ProcessStat): boolean {
    if (this.#carriesMark(orphan)) return true;
    const { pid, startTime } = this.leader;
    if (!inheritsOrphans() || (orphan.pgrp !== pid && orphan.session !== pid)) return false;
    const now = readStat(pid); // somebody else's: then it is somebody else's group, too
    return orphan.startTime >= startTime && (now === null || now.startTime === startTime);
  }

  #carriesMark(stat: ProcessStat): boolean {
    return environmentOf(stat.pid, commandVariable) === this.#mark;
  }
}
