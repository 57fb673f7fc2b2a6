/**
 * Ends all processes of one service or command: stop signal, grace, SIGKILL, until the last one is gone. Spec: §8; CONTRACT §7.
 *
 * "The leader is gone" is not "the group is gone", and a daemonised grandchild is not even in the group: so each round
 * looks again who lives, and whoever appears late gets the signal of the moment, once.
 */
import type { Clock } from "../clock.ts";
import { isAlive, type Signal, signalGroup, signalProcess } from "./group.ts";
import { describePid, isBlind, type ProcessStat } from "./procfs.ts";

export interface Victim {
  /** Process group; its leader's pid. */
  pgid: number;
  /** Resolves when the leader has ended; null when nobody tells (an adopted process). */
  exited: Promise<unknown> | null;
  /** Its living processes, in the group and outside, looked up now. */
  living(): ProcessStat[];
}

export interface TerminateOptions {
  clock: Clock;
  stopSignal: Signal;
  graceMs: number;
  /** Aborted: the grace is over now. */
  force?: AbortSignal | undefined;
}

/** SIGKILL cannot be refused, but a process in uninterruptible sleep dies only when the kernel lets it. */
const KILL_WAIT_MS = 3000;
const SLOWEST_LOOK_MS = 20;

/** Resolves when nothing of it lives, or with those that even SIGKILL did not end within 3 s. */
export async function terminate(
  victim: Victim,
  o: TerminateOptions,
): Promise<{ killed: boolean; left: string[] }> {
  if (await round(victim, o.stopSignal, o.graceMs, o.clock, o.force)) return { killed: false, left: [] };
  if (await round(victim, "SIGKILL", KILL_WAIT_MS, o.clock)) return { killed: true, left: [] };
  const left = victim.living().map((stat) => stat.pid);
  if (left.length === 0 && isBlind()) left.push(victim.pgid);
  return { killed: true, left: left.map(describePid) };
}

/** Signals everybody until nobody lives (true) or the limit is over (false). */
async function round(
  victim: Victim,
  signal: Signal,
  limitMs: number,
  clock: Clock,
  force?: AbortSignal,
): Promise<boolean> {
  const end = clock.now() + limitMs;
  const told = new Set<string>();
  let leaderGone = false;
  const leaderEnd = victim.exited?.then(() => void (leaderGone = true));
  for (let pause = 1;;) {
    const living = victim.living();
    const blind = living.length === 0 && isBlind();
    if (living.length === 0 && (leaderGone || !blind) && victim.living().length === 0) return true;
    const group = told.size === 0 || signal === "SIGKILL"; // nobody is asked twice; a kill is not asking
    if (blind && group && leaderEnd) {
      signalGroup(victim.pgid, signal); // the number is its own as long as its end was not told
      told.add("unseen");
    }
    tell(group ? victim.pgid : 0, living.filter((stat) => !told.has(nameOf(stat))), signal);
    for (const stat of living) told.add(nameOf(stat));
    if (signal !== "SIGKILL") living.filter(isStopped).forEach((stat) => signalProcess(stat, "SIGCONT"));

    const rest = end - clock.now();
    if (rest <= 0 || force?.aborted) return false;
    const ending = leaderEnd && !leaderGone ? leaderEnd : null; // its end needs no looking for
    const { promise: sleeping, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    force?.addEventListener("abort", wake, { once: true });
    using _nap = clock.after(Math.min(ending ? SLOWEST_LOOK_MS : pause, rest), wake);
    await (ending ? Promise.race([sleeping, ending]) : sleeping);
    force?.removeEventListener("abort", wake);
    if (!ending) pause = Math.min(pause * 1.5, SLOWEST_LOOK_MS);
  }
}

/** Who was told. A process that has executed another program since is told again: between fork and exec a signal may get lost. */
function nameOf(stat: ProcessStat): string {
  return `${stat.pid} ${stat.comm}`;
}

/**
 * To the group at once where there is one to be told, to all others one by one; each only if it is still itself. Group 0
 * is nobody's: in a PID namespace everything shows it whose group has its number outside.
 */
function tell(pgid: number, processes: ProcessStat[], signal: Signal): void {
  const byGroup = (stat: ProcessStat) => pgid > 1 && stat.pgrp === pgid;
  if (processes.some((stat) => byGroup(stat) && isAlive(stat))) signalGroup(pgid, signal);
  for (const stat of processes) if (!byGroup(stat)) signalProcess(stat, signal);
}

/** A stopped process (SIGSTOP, a debugger's) takes a request only once it goes on, whenever it was stopped. */
const isStopped = (stat: ProcessStat) => stat.state === "T" || stat.state === "t";
