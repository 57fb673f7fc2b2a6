/**
 * The clean start: leftovers of an earlier loader, dead sockets, stale PID files, and the ports. Spec: §4; CONTRACT §8.
 *
 * The order matters: a leftover that is stopped frees its sockets, its PID file and its port. Before anybody else is
 * stopped for a port, all ports are looked at: if one of them belongs to a stranger the boot fails, and nobody is
 * stopped for nothing.
 */
import { LoaderError } from "../errors.ts";
import type { BootPlan } from "../model/plan.ts";
import type { PreviousState } from "./state_file.ts";
import { terminate, type Victim } from "../sys/process/terminate.ts";
import type { Clock } from "../sys/clock.ts";
import { isAlive } from "../sys/process/group.ts";
import { environment } from "../sys/host.ts";
import { protectedPids } from "../sys/process/process.ts";
import {
  describePid,
  type ProcessStat,
  processTree,
  readStat,
  unitOf,
  userOf,
} from "../sys/process/procfs.ts";
import { otherLoaderOf } from "./boot_owner.ts";
import {
  bootsOf,
  describeAll,
  findLeftovers,
  type HygieneLog,
  type Leftover,
  provedVictim,
  stopLeftovers,
  tellEnd,
} from "./leftovers.ts";
import {
  type BusyPort,
  describeBusy,
  describeHolders,
  lookAtPort,
  namePort,
  neededPorts,
  type Ownership,
  rightToStop,
} from "./port_owner.ts";
import { removeStaleFiles } from "./stale_files.ts";

export interface HygieneOptions {
  clock: Clock;
  log: HygieneLog;
  /** What the loader before left on record. */
  previous: PreviousState | null;
  uid: number;
  /** From SIGTERM to SIGKILL, ms. */
  graceMs: number;
  /** Leaders of an earlier loader that this one adopts: they, what belongs to them and their ports are left alone. */
  spare?: ReadonlySet<number>;
  /** The argv that really runs; the configured one if it is not given. */
  resolve?(argv: readonly string[]): string[];
  /** Aborted: whoever is being stopped gets SIGKILL at once, and the rest is not done. */
  signal?: AbortSignal;
}

/** What was done. Every item is in the log already. */
export interface HygieneReport {
  /** Leftovers that were stopped, by service. */
  leftovers: string[];
  /** Files and sockets that were removed. */
  removed: string[];
  /** Ports that were freed by stopping whoever held them. */
  freed: number[];
}

/** A listener that is just ending shows for a moment; one that does not belong to us is not waited for any longer, ms. */
const strangerWaitMs = 300;
/** The kernel's own time to let go of a port that nobody listens on any more, ms. */
const freeWaitMs = 2000;
const slowestLookMs = 50;

/**
 * @throws LoaderError `port_busy` that names every port that cannot be had and who holds it; the reason of `signal`
 * when that is aborted.
 */
export async function runHygiene(plan: BootPlan, o: HygieneOptions): Promise<HygieneReport> {
  const { enabled } = plan.hygiene;
  const killOrphans = enabled ? plan.hygiene.killOrphans : "none";
  tellOwned(o.previous, o.log);
  const leftovers = findLeftovers(o.previous, o);
  if (killOrphans === "none") tellLeftAlone(leftovers, enabled, o.log);
  else await stopLeftovers(leftovers, o);
  o.signal?.throwIfAborted();

  const resolve = o.resolve ?? ((argv) => [...argv]);
  const removed = enabled ? await removeStaleFiles(plan, resolve, o.log) : [];
  const freed = await freePorts(plan, o, {
    uid: o.uid,
    killOrphans,
    untouchable: protectedPids(),
    resolve,
    path: environment().PATH ?? "",
  });
  return { leftovers: killOrphans === "none" ? [] : leftovers.map((l) => l.service), removed, freed };
}

function tellOwned(previous: PreviousState | null, log: HygieneLog): void {
  for (const boot of previous ? bootsOf(previous) : []) {
    const owner = otherLoaderOf(boot);
    if (owner === null) continue;
    log.warning(
      "LOADER",
      `Leaving boot ${boot} alone: the running alexa-loader ${describePid(owner)} looks after it`,
    );
  }
}

function tellLeftAlone(leftovers: readonly Leftover[], enabled: boolean, log: HygieneLog): void {
  const why = enabled ? "port_hygiene.kill_orphans is false" : "port_hygiene.enabled is false";
  for (const { service, boot, living } of leftovers) {
    log.warning(
      "LOADER",
      `Leaving leftover ${service} of boot ${boot} alone (${why}): ${describeAll(living())}`,
    );
  }
}

/** Returns the ports for which somebody was stopped, once all ports are free. */
async function freePorts(plan: BootPlan, o: HygieneOptions, ownership: Ownership): Promise<number[]> {
  const needed = neededPorts(plan);
  const freed = new Set<number>();
  let since = o.clock.now();
  for (let pause = 5;; pause = Math.min(pause * 1.5, slowestLookMs)) {
    const spared = o.spare?.size ? processTree(o.spare) : null;
    const busy = [...needed].map(([port, services]) => lookAtPort(port, services))
      .filter((look) => look !== null)
      .filter(({ pids, foreign }) =>
        !(spared && !foreign && pids.length > 0 && pids.every((pid) => spared.has(pid)))
      );
    if (busy.length === 0) return [...freed];

    const held = busy.filter((b) => b.pids.length > 0 || b.foreign);
    // Whoever was stopped and is back is somebody's service: stopping it again would be a fight.
    const strange = held.filter((b) =>
      b.foreign || freed.has(b.port) || b.pids.some((pid) => rightToStop(pid, b.services, ownership) === null)
    );
    const waited = o.clock.now() - since;
    if (strange.length > 0 && waited >= strangerWaitMs) throw portsBusy(strange, plan, ownership);
    if (waited >= freeWaitMs) throw portsBusy(busy, plan, ownership);
    if (strange.length === 0 && held.length > 0) {
      await Promise.all(held.map((b) => stopHolders(b, o, ownership)));
      for (const { port } of held) freed.add(port);
      since = o.clock.now();
      o.signal?.throwIfAborted();
    } else await o.clock.sleep(pause, o.signal);
  }
}

async function stopHolders(busy: BusyPort, o: HygieneOptions, ownership: Ownership): Promise<void> {
  const stats = busy.pids.map(readStat).filter((stat) => stat !== null);
  if (stats.length === 0) return;
  const byCommand = stats.every((stat) =>
    rightToStop(stat.pid, busy.services, ownership) === "configured command"
  );
  const why = byCommand ? "its command is the configured one" : "port_hygiene.kill_orphans is any";
  o.log.warning(
    "LOADER",
    `Stopping what holds port ${namePort(busy)}: ${describeHolders(busy)}, since ${why}`,
  );
  const begin = o.clock.now();
  const victim = byCommand ? provedVictim(stats, { uid: o.uid }) : exactly(stats);
  const end = await terminate(victim, {
    clock: o.clock,
    stopSignal: "SIGTERM",
    graceMs: o.graceMs,
    force: o.signal,
  });
  tellEnd(`What held port ${busy.port}`, end, o.clock.now() - begin, o.log);
}

/** These processes and nobody else: a stranger's children have done nothing to us. */
function exactly(stats: readonly ProcessStat[]): Victim {
  return { pgid: 0, exited: null, living: () => stats.filter(isAlive) };
}

function portsBusy(busy: readonly BusyPort[], plan: BootPlan, ownership: Ownership): LoaderError {
  const list = busy.map(describeBusy);
  const message = list.length === 1 ? `port ${list[0]}` : `${list.length} ports are busy: ${list.join("; ")}`;
  return new LoaderError("port_busy", message, { hint: hintFor(busy, plan, ownership) });
}

function hintFor(busy: readonly BusyPort[], plan: BootPlan, ownership: Ownership): string {
  const pids = [...new Set(busy.flatMap((b) => b.pids))];
  const units = [...new Set(pids.map(unitOf))].filter((unit) =>
    unit?.endsWith(".service") && !unit.startsWith("user@")
  );
  const own = pids.filter((pid) => userOf(pid) === ownership.uid && !ownership.untouchable.has(pid));
  const ways: string[] = [];
  if (units.length > 0) ways.push(`stop it with \`systemctl stop ${units.join(" ")}\``);
  else if (own.length > 0) ways.push(`stop it with \`kill ${own.join(" ")}\``);
  if (busy.some((b) => b.foreign)) {
    ways.push(`see who it is with \`sudo ss -ltnp 'sport = :${busy.find((b) => b.foreign)!.port}'\``);
  }
  ways.push("configure another port");
  const reachable = own.length > 0 && own.length === pids.length && !busy.some((b) => b.foreign);
  if (reachable && plan.hygiene.enabled && plan.hygiene.killOrphans !== "any") {
    ways.push("set `port_hygiene.kill_orphans: any` to have the loader stop it");
  }
  const text = [ways.slice(0, -1).join(", "), ways.at(-1)].filter(Boolean).join(" or ");
  return plan.hygiene.enabled ? text : `${text} (port_hygiene.enabled is false, so the loader stops nobody)`;
}
