/** The end: all that was made is stopped in order, written down and given back. Spec: §8; CONTRACT §7. */
import { shutdown } from "../supervise/shutdown.ts";
import type { Assembly } from "./assembly.ts";

/** True when nothing of ours is left. Safe at any moment, also when only a part was made. */
export async function tearDown(made: Assembly, reason: string): Promise<boolean> {
  const { plan, clock, log, metrics, stateFile, gpu, force } = made;
  const order = made.inStopOrder();
  let clean = true;
  if (order.length > 0) {
    made.events.emit({ fact: "stopping", reason, services: order.map((supervisor) => supervisor.name) });
    const { left, ours } = await shutdown(order, {
      clock,
      log,
      budgetMs: plan.shutdown.budgetMs,
      force: force.signal,
      strays: made.strays,
      strayGraceMs: plan.shutdown.graceMs,
    });
    clean = !ours;
    made.events.emit({ fact: "stopped_all", left });
    await Promise.all(order.map((supervisor) => supervisor.idle()));
  }
  await made.wakeWord?.idle();
  if (order.length > 0) await gpu?.final(force.signal);
  metrics.close("stopped");
  await metrics.written();
  if (clean) stateFile?.clear();
  else stateFile?.write();
  await made.held.disposeAsync();
  if (order.length > 0 && clean) log.info("LOADER", "Shutdown complete");
  return clean;
}
