/** What the log says of the whole boot: the observer that words the loader's own facts. Spec: §1.2, §7, §8, §13. */
import type { Log } from "../log/mod.ts";
import type { Observer } from "../model/events.ts";
import { seconds } from "../text.ts";
import { version } from "../version.ts";

/** `totalLine` words the figures of SYSTEM_READY. */
export function announcements(log: Log, totalLine: (totalMs: number) => string): Observer {
  const info = (message: string) => log.info("LOADER", message);
  return (fact) => {
    switch (fact.fact) {
      case "prechecked": {
        const services = `${fact.services} ${fact.services === 1 ? "service" : "services"}`;
        return info(`PRECHECK: ports free, ${services}, ${fact.gpu}`);
      }
      case "system_ready":
        info("All services running (warm-ups complete); entering SYSTEM_READY");
        return info(`SYSTEM_READY: ${totalLine(fact.totalMs)}`);
      case "ready_again": {
        if (fact.services.length === 0) return info("SYSTEM_READY again");
        const verb = fact.services.length === 1 ? "is" : "are";
        return info(
          `SYSTEM_READY again: ${fact.services.join(", ")} ${verb} back after ${seconds(fact.afterMs)}`,
        );
      }
      case "degraded":
        return log.warning("LOADER", `DEGRADED: ${fact.text}`);
      case "took_over": {
        const gap = `unsupervised for ${seconds(fact.gapMs)}`;
        if (fact.returned !== null) {
          return log.error("LOADER", `Took over again from a new version, ${gap}: ${fact.returned}`);
        }
        return info(
          `alexa-loader ${version} took over from ${fact.from} in place: ${fact.services} services, ${gap}`,
        );
      }
      case "stopping":
        return info(`Stopping (${fact.reason}): ${fact.services.join(", ")}`);
      case "stopped_all":
        if (fact.left.length > 0) {
          log.error("LOADER", `Something of ${fact.left.join(", ")} could not be stopped`);
        }
    }
  };
}
