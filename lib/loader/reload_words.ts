/** What the log says of reloads: the observer that words them. Spec: §7. */
import type { Log } from "../log/mod.ts";
import type { Observer } from "../model/events.ts";
import { seconds } from "../text.ts";
import { reloadCost, reloadLines } from "../ui/reload_view.ts";

export function reloadWords(log: Log): Observer {
  return (fact) => {
    switch (fact.fact) {
      case "reloaded": {
        const which = fact.reload === null ? "Reload" : `Reload ${fact.reload}`;
        log.info("LOADER", `${which} (${fact.by}): ${reloadCost(fact)}`);
        for (const line of reloadLines(fact)) {
          log.line("LOADER", line.startsWith("needs") ? "WARNING" : "INFO", `${which}: ${line}`);
        }
        return;
      }
      case "reload_over": {
        const which = `Reload ${fact.reload}`;
        if (fact.failed.length === 0) return log.info("LOADER", `${which} is over after ${seconds(fact.ms)}`);
        return log.error(
          "LOADER",
          `${which} left ${fact.failed.join(", ")} down: not up with the settings it brought`,
        );
      }
      case "reload_refused":
        return log.error("LOADER", `Reload (${fact.by}) refused, nothing was changed: ${fact.why}`);
    }
  };
}
