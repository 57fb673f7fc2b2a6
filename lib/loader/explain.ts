/** Why each service is as it is: what the facts tell, and what can be seen now. Loaded when somebody asks. Spec: §13. */
import { describeBusy, lookAtPort } from "../clean_start/port_owner.ts";
import { percentile } from "../metrics/figures.ts";
import type { Explanation, ServiceExplanation } from "../model/explanation.ts";
import type { LoaderStatus } from "../model/status.ts";
import type { ManagedService } from "../services/mod.ts";
import { capabilityName } from "../supervise/capabilities.ts";
import { caseText } from "../supervise/causes.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import { seconds, timeOfDay } from "../text.ts";
import type { Assembly } from "./assembly.ts";

type Unit = Supervisor<ManagedService>;

export function explain(made: Assembly, status: LoaderStatus): Explanation {
  const services = made.supervisors.map((unit) => explanationOf(made, unit));
  return { text: status.talk.text, services };
}

function explanationOf(made: Assembly, unit: Unit): ServiceExplanation {
  const { name, state: { actual, desired }, isUp } = unit;
  const known = made.causes.of(name);
  const parts = [...known ? [caseText(known)] : [], ...now(made, unit)];
  const what = capabilityName(unit.plan);
  const off = isUp || desired === "down" ? "" : `${what === name ? name : `${what} (${name})`} is off: `;
  return { service: name, state: actual, works: isUp, text: off + (parts.join("; ") || `it is ${actual}`) };
}

/** How it stands at this moment. */
function now(made: Assembly, unit: Unit): string[] {
  const { name, plan, service, state: { actual, desired } } = unit;
  const stand = made.causes.stand(name);
  const since = stand ? ` since ${timeOfDay(stand.since)}` : "";
  const line = service.lastLines(1)[0];
  const said = line === undefined ? [] : [`last output: ${JSON.stringify(line)}`];
  switch (actual) {
    case "up":
      return [`${name} is up${since}${unit.unproved ? ", but no inference of it was seen to work" : ""}`];
    case "idle":
      return [
        desired === "up" || stand === null ? `${name} waits for its turn` : `${name} was stopped${since}`,
      ];
    case "starting":
    case "warming": {
      const p95 = percentile(made.metrics.readyTimes[name] ?? [], 95);
      const usual = p95 === null ? "" : `; usually within ${seconds(p95)} (p95)`;
      const doing = actual === "starting" ? "becomes ready" : "warms up";
      const missing = stand?.missing ?? null;
      return [`${name} ${doing}${since}${usual}`, ...missing === null ? [] : [missing], ...said];
    }
    case "backoff":
      return ["its next start comes by itself", ...heldPort(made, unit)];
    case "away":
      return [`${name} does not answer${since}, and is looked for`];
    case "failed":
      return [...heldPort(made, unit), `mend it, then: alexa-loader restart ${plan.name}`];
    default:
      return [];
  }
}

/** Somebody has the port that it needs, and that was not told yet. */
function heldPort({ causes }: Assembly, { plan }: Unit): string[] {
  const told = causes.of(plan.name)?.inTheWay.length ?? 0;
  if (plan.bindPort === null || plan.manage !== "spawn" || told > 0) return [];
  const busy = lookAtPort(plan.bindPort, [plan]);
  return busy ? [`port ${describeBusy(busy)}`] : [];
}
