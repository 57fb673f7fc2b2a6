/**
 * Descendants that left their service's process group (daemons, setsid): as child subreaper the loader inherits them
 * when their parent dies, instead of pid 1, so that they can be found and reaped. Spec: §4; CONTRACT §7.
 */
import { libc } from "./libc.ts";
import { childPids, isGone, listPids, type ProcessStat, readStat } from "./procfs.ts";
import { reap } from "./spawn.ts";

const PR_SET_CHILD_SUBREAPER = 36;

let subreaper = false;

/** Orphans of our services become our children from now on. False where the system cannot do that. */
export function becomeSubreaper(): boolean {
  return subreaper = libc()?.prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n) === 0;
}

/** Whether {@link inheritedChildren} are all the orphans of ours that there are. */
export function inheritsOrphans(): boolean {
  return subreaper;
}

/** Pids that the runtime started and waits for itself; everything else among our children was inherited. */
const runtimeChildren = new Set<number>();

/** To be called by whatever starts a process through the runtime; `ended` resolves when the runtime has reaped it. */
export function noteRuntimeChild(pid: number, ended: Promise<unknown>): void {
  runtimeChildren.add(pid);
  const forget = () => void runtimeChildren.delete(pid);
  ended.then(forget, forget);
}

/**
 * Children that we inherited from services that died before them, zombies among them. The kernel gives an orphan to the
 * oldest thread of who inherits it.
 */
export function inheritedChildren(): ProcessStat[] {
  const pids = childPids(Deno.pid, [Deno.pid]) ?? listPids();
  return pids.filter((pid) => !runtimeChildren.has(pid)).map(readStat)
    .filter((stat): stat is ProcessStat => stat !== null && stat.ppid === Deno.pid);
}

/** Who started a child itself (the runtime, a program that embeds us) collects its end long before this many ms. */
const collectedWithinMs = 1000;
/** Zombies among the inherited children, and since when (monotonic ms) we have seen them so. */
let zombies = new Map<number, { startTime: number; since: number }>();

/**
 * Reaps the zombies among the inherited children; returns the children that live. Not everything that was not noted
 * here was inherited: the end of a child that others started is theirs to collect, so a zombie is taken only
 * when nobody else came for it.
 */
export function reapInherited(): ProcessStat[] {
  const now = performance.now();
  const seen: typeof zombies = new Map();
  const living = inheritedChildren().filter((stat) => {
    if (!isGone(stat)) return true;
    const known = zombies.get(stat.pid);
    const since = known?.startTime === stat.startTime ? known.since : now;
    if (now - since < collectedWithinMs) seen.set(stat.pid, { startTime: stat.startTime, since });
    else reap(stat.pid);
    return false;
  });
  zombies = seen;
  return living;
}
