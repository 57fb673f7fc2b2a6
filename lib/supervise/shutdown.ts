/**
 * The ordered shutdown: one service after the other, each until its last process is gone, all within one budget.
 * Spec: §8; CONTRACT §7.
 */
import type { Actual } from "../model/states.ts";
import type { Log } from "../log/mod.ts";
import type { Supervisor } from "./supervisor.ts";
import { type Clock, every } from "../sys/clock.ts";
import { describePid } from "../sys/process/procfs.ts";
import { terminate, type Victim } from "../sys/process/terminate.ts";

export interface ShutdownOptions {
  clock: Clock;
  log: Log;
  /** Budget of the whole shutdown, ms; then every group that is left is killed at once. */
  budgetMs: number;
  /** Aborted: a second signal, no grace for anybody. */
  force: AbortSignal;
  /** What services left behind, of nobody knows which: ended after all of them, with this grace. */
  strays?: Victim | null;
  strayGraceMs?: number;
}

const blockedAfterMs = 2000;
/** States in which nothing of a service runs. */
const atRest: ReadonlySet<Actual> = new Set(["idle", "backoff", "away", "failed"]);

export interface Shutdown {
  /** Names of those of which something is left, or on whose port somebody listens. */
  left: string[];
  /** A process of ours is left. */
  ours: boolean;
}

/** Stops services in their order. What even SIGKILL does not end is waited for no longer than that takes (sys/process/terminate.ts). */
export async function shutdown(supervisors: readonly Supervisor[], o: ShutdownOptions): Promise<Shutdown> {
  for (const supervisor of supervisors) supervisor.retire();
  const kill = new AbortController();
  const killAll = (why: string) => {
    if (kill.signal.aborted) return;
    const left = supervisors.filter((supervisor) => !atRest.has(supervisor.state.actual)).map((supervisor) =>
      supervisor.name
    );
    if (left.length > 0) o.log.warning("LOADER", `${why}; killing what is left: ${left.join(", ")}`);
    kill.abort();
  };
  const onForce = () => killAll("Second signal");
  o.force.addEventListener("abort", onForce, { once: true });
  if (o.force.aborted) onForce();
  using _budget = o.clock.after(
    o.budgetMs,
    () => killAll(`Shutdown takes longer than ${o.budgetMs / 1000} s`),
  );

  const allAtOnce = Promise.withResolvers<void>();
  kill.signal.addEventListener("abort", () => allAtOnce.resolve(), { once: true });
  if (kill.signal.aborted) allAtOnce.resolve();
  try {
    for (const supervisor of supervisors) {
      using _blocked = tellWhoBlocks(supervisor, o);
      await Promise.race([supervisor.stop(kill.signal), allAtOnce.promise]);
      if (kill.signal.aborted) break;
    }
    await Promise.all(supervisors.map((supervisor) => supervisor.stop(kill.signal)));
    const left = supervisors.filter((supervisor) => (supervisor.standing.lastStop?.left.length ?? 0) > 0).map(
      (supervisor) => supervisor.name,
    );
    let ours = supervisors.some((supervisor) => supervisor.standing.lastStop?.stuck);
    if (o.strays && !await endStrays(o.strays, o, kill.signal)) {
      left.push("what they left behind");
      ours = true;
    }
    return { left, ours };
  } finally {
    o.force.removeEventListener("abort", onForce);
  }
}

/** True when nothing of them is left. */
async function endStrays(strays: Victim, o: ShutdownOptions, force: AbortSignal): Promise<boolean> {
  const who = strays.living().map((stat) => describePid(stat.pid));
  if (who.length === 0) return true;
  o.log.warning("LOADER", `Stopping what services left behind: ${who.join(", ")}`);
  const { left } = await terminate(strays, {
    clock: o.clock,
    stopSignal: "SIGTERM",
    graceMs: o.strayGraceMs ?? 0,
    force,
  });
  for (const one of left) o.log.error("LOADER", `In the way: ${one}`);
  return left.length === 0;
}

/** Every 2 s says which processes of a service are still in the way. */
function tellWhoBlocks(supervisor: Supervisor, o: ShutdownOptions): Disposable {
  return every(o.clock, blockedAfterMs, () => {
    const living = supervisor.service.copy?.living() ?? [];
    if (living.length === 0) return;
    const who = living.map((stat) => describePid(stat.pid)).join(", ");
    o.log.info("LOADER", `Waiting for ${supervisor.name} to stop: ${who}`);
  });
}
