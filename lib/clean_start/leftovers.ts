/**
 * What an earlier loader left behind, as far as it can be proved to be ours. Spec: §4; CONTRACT §8.
 *
 * A proof is one of: the recorded process itself (same boot of the machine, pid and start time), membership in the group
 * or session that such a process leads, descent from a proved process, or the boot id in its environment. A number alone
 * proves nothing: pids, groups and sessions are used again.
 */
import type { Log } from "../log/mod.ts";
import type { PreviousState, ServiceRecord } from "./state_file.ts";
import { bootIdVariable, serviceVariable } from "../services/context.ts";
import { terminate, type Victim } from "../sys/process/terminate.ts";
import type { Clock } from "../sys/clock.ts";
import { commandVariable } from "../sys/process/command_family.ts";
import { isAlive } from "../sys/process/group.ts";
import { ownPid } from "../sys/host.ts";
import { type Identity, identityFrom, protectedPids } from "../sys/process/process.ts";
import {
  allStats,
  describePid,
  environmentOf,
  isGone,
  machineBootId,
  type ProcessStat,
  userOf,
} from "../sys/process/procfs.ts";
import { otherLoaderOf } from "./boot_owner.ts";

/** What processes are called of which no service is known. */
const unnamed = "process";
/** And what a command of no service is called. */
const nameless = "command";

/** Where the clean start tells what it does. */
export type HygieneLog = Pick<Log, "info" | "warning" | "error">;

/** What is left of one service. */
export interface Leftover extends Victim {
  service: string;
  /** Id of the boot that started it. */
  boot: string;
  /** The recorded process, if it still is the same one: what could be adopted. */
  leader: ServiceRecord | null;
}

export interface LeftoverOptions {
  uid: number;
  /** Pids of the leaders that go on under this loader; what belongs to them is no leftover. */
  spare?: ReadonlySet<number>;
}

/** The boots whose processes the record names. */
export function bootsOf(previous: PreviousState): Set<string> {
  return new Set([previous.boot, ...[...previous.services.values()].map((record) => record.boot)]);
}

/**
 * Everything of `previous` that still lives, by service. Nothing while the loader that wrote it lives or another one
 * looks after its boot, nor when the machine was booted since. Never pid 1, this program or its ancestors; another user's process only if this is root and
 * it is proved by the record.
 */
export function findLeftovers(previous: PreviousState | null, o: LeftoverOptions): Leftover[] {
  if (!previous || previous.machineBoot !== machineBootId()) return [];
  if (previous.loader.pid !== ownPid && previous.loader.startTime > 0 && isAlive(previous.loader)) return [];

  const boots = new Set([...bootsOf(previous)].filter((boot) => otherLoaderOf(boot) === null));
  const stats = allStats();
  const kin = new Map<string, { boot: string; leader: ServiceRecord | null; seeds: ProcessStat[] }>();
  const add = (service: string, boot: string, ...seeds: ProcessStat[]) => {
    const known = kin.get(service) ?? { boot, leader: null, seeds: [] };
    known.seeds.push(...seeds);
    kin.set(service, known);
    return known;
  };
  const recorded = (id: Identity) => {
    const stat = stats.get(id.pid);
    return stat && isSame(stat, id) && mayTouch(stat, o.uid) ? [stat] : [];
  };
  for (const [service, record] of previous.services) {
    if (!boots.has(record.boot)) continue;
    const [leader] = recorded(record);
    if (leader) add(service, record.boot, leader).leader = record;
    for (const id of record.seen) add(service, record.boot, ...recorded(identityFrom(id)));
  }
  for (const stat of stats.values()) {
    const mark = markOf(stat, boots, o.uid);
    if (mark) add(mark.service, mark.boot, stat);
  }
  for (const id of boots.has(previous.boot) ? previous.commands : []) {
    const [stat] = recorded(identityFrom(id));
    if (stat && !markOf(stat, boots, o.uid)) add(nameless, previous.boot, stat); // its environment is another one
  }
  // Whose they are is not known, so they may belong to one that goes on.
  if (boots.has(previous.boot) && !o.spare?.size) {
    for (const id of previous.strays) add(unnamed, previous.boot, ...recorded(identityFrom(id)));
  }

  const found: Leftover[] = [];
  for (const [service, { boot, leader, seeds }] of kin) {
    const victim = provedVictim(seeds, {
      uid: o.uid,
      proves: (stat) => markOf(stat, boots, o.uid)?.service === service,
    });
    const living = victim.living();
    if (living.length === 0 || living.some((stat) => o.spare?.has(stat.pid))) continue;
    found.push({ ...victim, service, boot, leader });
  }
  return found;
}

/** Stops them all at once: SIGTERM, grace, SIGKILL. Returns what even that did not end, in words. */
export async function stopLeftovers(
  leftovers: readonly Leftover[],
  o: { clock: Clock; graceMs: number; log: HygieneLog; signal?: AbortSignal },
): Promise<string[]> {
  const left = await Promise.all(leftovers.map(async (leftover) => {
    const { service, boot } = leftover;
    const who = describeAll(leftover.living());
    o.log.warning("LOADER", `Stopping leftover ${service} of boot ${boot}: ${who}`);
    const begin = o.clock.now();
    const end = await terminate(leftover, {
      clock: o.clock,
      stopSignal: "SIGTERM",
      graceMs: o.graceMs,
      force: o.signal,
    });
    tellEnd(`Leftover ${service} of boot ${boot}`, end, o.clock.now() - begin, o.log);
    return end.left;
  }));
  return left.flat();
}

/** One line about how a stop ended. */
export function tellEnd(
  what: string,
  end: { killed: boolean; left: string[] },
  ms: number,
  log: HygieneLog,
): void {
  const took = `${(ms / 1000).toFixed(2)}s`;
  if (end.left.length > 0) {
    log.error("LOADER", `${what} could not be stopped in ${took}: ${end.left.join(", ")}`);
  } else if (end.killed) log.warning("LOADER", `${what} was killed after ${took}`);
  else log.info("LOADER", `${what} stopped in ${took}`);
}

/**
 * A victim that grows from proved processes: with each look come their descendants, the members of groups and sessions
 * that they hold, and who is proved by itself. All are signalled one by one, right after their identity was looked at,
 * since a group's number says nothing about its members.
 */
export function provedVictim(
  seeds: readonly ProcessStat[],
  o: { uid: number; proves?(stat: ProcessStat): boolean },
): Victim {
  const untouchable = protectedPids();
  const known = new Map(seeds.map((stat) => [stat.pid, stat.startTime]));
  // A number that names a group or a session is not given away, so it is ours as long as one of ours is in there.
  const held = new Set(seeds.filter((s) => s.pgrp === s.pid || s.session === s.pid).map((s) => s.pid));
  const judged = new Map<number, number>();
  const isNew = (stat: ProcessStat) => {
    if (judged.get(stat.pid) === stat.startTime) return false;
    judged.set(stat.pid, stat.startTime);
    return true;
  };
  const living = () => {
    const stats = allStats();
    const ours = new Map<number, ProcessStat>();
    const add = (stat: ProcessStat) => {
      if (isGone(stat) || untouchable.has(stat.pid)) return;
      ours.set(stat.pid, stat);
      known.set(stat.pid, stat.startTime);
    };
    for (const [pid, startTime] of known) {
      const stat = stats.get(pid);
      if (stat?.startTime === startTime) add(stat);
      else known.delete(pid);
    }
    for (const stat of stats.values()) {
      if (!ours.has(stat.pid) && o.proves && isNew(stat) && o.proves(stat)) add(stat);
    }
    const holds = new Set(
      [...ours.values()].flatMap((s) => [s.pgrp, s.session]).filter((id) => held.has(id)),
    );
    for (let before = -1; before !== ours.size;) {
      before = ours.size;
      for (const stat of stats.values()) {
        if (ours.has(stat.pid)) continue;
        const related = ours.has(stat.ppid) || holds.has(stat.pgrp) || holds.has(stat.session);
        if (related && mayTouch(stat, o.uid)) add(stat);
      }
    }
    return [...ours.values()];
  };
  return { pgid: 0, exited: null, living };
}

/** The first processes of a list in words, and how many there are beside them. */
export function describeAll(stats: readonly ProcessStat[]): string {
  const shown = stats.slice(0, 4).map((stat) => describePid(stat.pid));
  return shown.join(", ") + (stats.length > shown.length ? ` and ${stats.length - shown.length} more` : "");
}

const isSame = (stat: ProcessStat, id: Identity) =>
  id.startTime > 0 && stat.startTime === id.startTime && !isGone(stat);

/** Root may end what the record proves, whoever it runs as; anybody else only what runs as oneself. */
const mayTouch = (stat: ProcessStat, uid: number) => uid === 0 || userOf(stat.pid) === uid;

/** What the environment of one of our user's processes says about where it comes from. */
function markOf(stat: ProcessStat, boots: ReadonlySet<string>, uid: number) {
  if (isGone(stat)) return null;
  const boot = environmentOf(stat.pid, bootIdVariable);
  if (boot === null || !boots.has(boot) || userOf(stat.pid) !== uid) return null;
  const named = environmentOf(stat.pid, serviceVariable) ?? "";
  const service = /^[a-z][a-z0-9_]*$/.test(named) ? named : null;
  // A command that was run for a service is not the service: it is stopped also where that goes on.
  if (environmentOf(stat.pid, commandVariable) !== null) {
    return { boot, service: service ? `command of ${service}` : nameless };
  }
  return { boot, service: service ?? unnamed };
}
