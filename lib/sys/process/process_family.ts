/**
 * Who belongs to a process that we started: its leader, whoever descends from it, and what it left behind. Spec: §4;
 * CONTRACT §8.
 *
 * The proof is never a number alone, since pids, groups and sessions are used again. It is one of: a process that was seen
 * in the family (pid and start time), descent from such a one, a mark in the environment, or that we inherited it (its
 * parents died) out of a session or with an output that is the family's. What a dead parent started between two looks, in
 * a session of its own, with a clean environment and its output elsewhere, nobody can tell from another family's.
 */
import { readLink } from "./libc.ts";
import { livingMembers } from "./group.ts";
import { type Identity, isSame } from "./process.ts";
import { allStats, family, isBlind, isGone, type ProcessStat, readStat } from "./procfs.ts";
import { inheritsOrphans, reapInherited } from "./reaper.ts";

export class ProcessFamily {
  readonly leader: Identity;
  #isMarked: (stat: ProcessStat) => boolean;
  /** Everybody who was seen in it and may live, by pid: who leaves the tree later is known all the same. */
  #seen = new Map<number, Identity>();
  /**
   * The sessions of those who lived at the last look, each with its leader if that lived. A number that names a session is
   * not given away; but since then everybody in it may have gone.
   */
  #sessions = new Map<number, Identity | null>();
  /** The pipes that the leader was started with: only who descends from it can hold them. */
  #pipes: readonly string[] = [];

  /** `isMarked`: the environment of this process says that it is of this family. */
  constructor(leader: Identity, isMarked: (stat: ProcessStat) => boolean) {
    this.leader = leader;
    this.#isMarked = isMarked;
    this.see(leader);
  }

  /** It is proved to be of this family. */
  see(id: Identity): void {
    this.#seen.set(id.pid, id);
  }

  /** Everybody who was seen in it and may live. */
  known(): Identity[] {
    return [...this.#seen.values()].map(({ pid, startTime }) => ({ pid, startTime }));
  }

  /** Looked up now. */
  living(): ProcessStat[] {
    const found = new Map<number, ProcessStat>();
    const add = (root: ProcessStat) => {
      for (const stat of family(root.pid, root)) found.set(stat.pid, stat);
    };
    for (const id of this.#seen.values()) {
      if (found.has(id.pid)) continue;
      const stat = readStat(id.pid);
      if (isSame(stat, id)) add(stat!);
      else if (stat === null && isBlind()) return []; // nothing is learned of anybody
      else this.#seen.delete(id.pid);
    }
    if (this.#pipes.length === 0 && found.has(this.leader.pid)) this.#pipes = pipesOf(this.leader.pid);
    for (const orphan of inheritsOrphans() ? reapInherited() : this.#younger()) {
      if (!found.has(orphan.pid) && this.claims(orphan)) add(orphan);
    }
    // The kernel's list of children may miss one while another of them ends.
    if (found.size === 0) {
      for (const stat of livingMembers(this.leader.pid)) if (this.#isMarked(stat)) add(stat);
    }
    for (const stat of found.values()) this.see(stat);
    this.#sessions = new Map([...found.values()].map(({ session }) => [session, found.get(session) ?? null]));
    return [...found.values()];
  }

  /** An orphan is of this family. */
  claims(orphan: ProcessStat): boolean {
    if (this.#isMarked(orphan)) return true;
    if (!inheritsOrphans() || orphan.startTime < this.leader.startTime) return false;
    if (isSame(orphan, this.#seen.get(orphan.pid) ?? null)) return true;
    if (this.#isOurSession(orphan.session)) return true;
    if (this.#leads(orphan.pgrp) || this.#leads(orphan.session)) return true;
    return pipesOf(orphan.pid).some((pipe) => this.#pipes.includes(pipe));
  }

  /** Those who live now of whom nothing tells but that they were seen: out of the leader's group, session and marks. */
  strangers(): ProcessStat[] {
    const { pid } = this.leader;
    return this.living().filter((stat) =>
      stat.pgrp !== pid && stat.session !== pid && stat.pid !== pid && !this.#isMarked(stat)
    );
  }

  /** It was at the last look, and nobody else has its number as a pid since. */
  #isOurSession(session: number): boolean {
    const leader = this.#sessions.get(session);
    if (leader === undefined || session === 0) return false;
    const now = readStat(session);
    return now === null || isSame(now, leader);
  }

  /** The leader's pid, and nobody else's since: then its group and session are ours. */
  #leads(id: number): boolean {
    const now = id === this.leader.pid ? readStat(id) : null;
    return id === this.leader.pid && (now === null || now.startTime === this.leader.startTime);
  }

  /** Where orphans go to somebody else, they are looked for among all. */
  #younger(): ProcessStat[] {
    return [...allStats().values()].filter((stat) =>
      stat.startTime >= this.leader.startTime && !isGone(stat)
    );
  }
}

function pipesOf(pid: number): string[] {
  return [1, 2].map((fd) => readLink(`/proc/${pid}/fd/${fd}`))
    .filter((link) => link !== null && /^(pipe|socket):/.test(link)) as string[];
}
