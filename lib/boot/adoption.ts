/**
 * Which services of a loader that died this one may go on with (`on_loader_death: keep`): proved to be ours, still
 * the same process, and configured as they are now. Whether they are healthy is asked afterwards. CONTRACT §1, §8.
 */
import type { BootPlan } from "../plan/types.ts";
import type { PreviousState, ServiceRecord } from "../run/state_file.ts";
import { commandLine } from "../sys/procfs.ts";
import { findLeftovers } from "./leftovers.ts";

/** Records of the processes to take over, by service. */
export function adoptable(
  plan: BootPlan,
  previous: PreviousState | null,
  o: { uid: number; resolve(argv: readonly string[]): string[] },
): Map<string, ServiceRecord> {
  const found = new Map<string, ServiceRecord>();
  if (plan.onLoaderDeath !== "keep" || previous?.onLoaderDeath !== "keep") return found;
  for (const { service, leader } of findLeftovers(previous, { uid: o.uid })) {
    const configured = plan.services.find((s) => s.name === service && s.manage === "spawn");
    if (!leader || !configured || leader.port !== configured.bindPort) continue;
    if (runs(commandLine(leader.pid), o.resolve(configured.argv))) found.set(service, leader);
  }
  return found;
}

/** A script's interpreter comes before what was configured, so the end of the command line counts. */
function runs(actual: readonly string[], configured: readonly string[]): boolean {
  const args = configured.slice(1);
  return actual.length > args.length &&
    args.every((arg, i) => arg === actual[actual.length - args.length + i]);
}
