/**
 * Which services of a loader that died this one may go on with (`on_loader_death: keep`): proved to be ours, still
 * the same process, and started as they are configured now. Whether they are healthy is asked afterwards. CONTRACT §1, §8.
 */
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import type { PreviousState, ServiceRecord } from "./state_file.ts";
import { findLeftovers, type HygieneLog } from "./leftovers.ts";

/** Records of the processes to take over, by service. Tells which one is not because its configuration has changed. */
export function adoptable(
  plan: BootPlan,
  previous: PreviousState | null,
  o: { uid: number; log: HygieneLog; digest(service: ServicePlan): string },
): Map<string, ServiceRecord> {
  const found = new Map<string, ServiceRecord>();
  if (previous?.onLoaderDeath !== "keep") return found;
  for (const { service, leader } of findLeftovers(previous, { uid: o.uid })) {
    const configured = plan.services.find((s) => s.name === service && s.manage === "spawn");
    if (!leader || !configured) continue;
    if (leader.digest === o.digest(configured)) found.set(service, leader);
    else {
      o.log.warning(
        configured.tag,
        `Not adopted: pid ${leader.pid} was started with another cmd, env, workdir or port`,
      );
    }
  }
  return found;
}
