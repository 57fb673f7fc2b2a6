/**
 * Process groups: signalling one, and knowing when it is really empty.
 *
 * The kernel does not hand out a number again while it still names a group or session, so a group that was ours and
 * was never seen empty is still ours; a leader's pid is checked by its start time right before each signal.
 */
import { libc } from "./libc.ts";
import { allStats, groupMembers, isGone, type ProcessStat, readStat } from "./procfs.ts";
import type { Identity } from "./process.ts";

export type Signal =
  | "SIGTERM"
  | "SIGINT"
  | "SIGQUIT"
  | "SIGHUP"
  | "SIGKILL"
  | "SIGCONT"
  | "SIGSTOP"
  | "SIGUSR2";

/** Sends `signal` to every process of the group; false when there is none, or it is our own. */
export function signalGroup(pgid: number, signal: Signal): boolean {
  if (pgid <= 1 || pgid === readStat(Deno.pid)?.pgrp) return false;
  try {
    Deno.kill(-pgid, signal);
    return true;
  } catch {
    return false;
  }
}

/** True while `id` is the process it was: same pid, same start time, not a zombie. */
export function isAlive(id: Identity): boolean {
  const stat = readStat(id.pid);
  if (isGone(stat)) return false;
  return id.startTime === 0 || stat!.startTime === id.startTime;
}

/** Sends `signal` to one process if it is still the one that is meant. */
export function signalProcess(id: Identity, signal: Signal): boolean {
  if (id.pid <= 1 || id.pid === Deno.pid || !isAlive(id)) return false;
  try {
    Deno.kill(id.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Living members of the group; the common answer, "none", costs one system call. Zombies do not count. */
export function livingMembers(pgid: number): ProcessStat[] {
  const c = libc();
  if (c && c.kill(-pgid, 0) !== 0) return [];
  return groupMembers(pgid, allStats());
}
