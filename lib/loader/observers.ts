/** Who hears the facts of a boot. */
import type { Log } from "../log/mod.ts";
import type { BootMetrics } from "../metrics/boot_metrics.ts";
import type { Observer } from "../model/events.ts";
import type { BootPlan } from "../model/plan.ts";
import type { Prewarmer } from "../prewarm/prewarmer.ts";
import { sentences } from "../supervise/sentences.ts";
import { greetingSentences } from "../voice/sentences.ts";
import { announcements } from "./announcements.ts";

/** What an observer may be made of. */
export interface Observed {
  readonly plan: BootPlan;
  readonly log: Log;
  readonly metrics: BootMetrics;
  readonly prewarmer: Prewarmer;
}

/** In the order in which they are told; what keeps figures comes first. Another one is a file of its own and a line here. */
export const observers: ((boot: Observed) => Observer)[] = [
  ({ metrics }) => (fact) => metrics.note(fact),
  ({ prewarmer }) => (fact) => prewarmer.note(fact),
  ({ log, plan }) => sentences(log, plan.services),
  ({ log, plan }) => greetingSentences(log, plan.services),
  ({ log, metrics }) => announcements(log, (totalMs) => metrics.totalLine(totalMs)),
];
