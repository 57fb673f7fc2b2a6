/** What an observer of a boot may be made of. */
import type { EventRing } from "../api/event_ring.ts";
import type { Log } from "../log/mod.ts";
import type { BootMetrics } from "../metrics/boot_metrics.ts";
import type { Counters } from "../metrics/counters.ts";
import type { BootPlan } from "../model/plan.ts";
import type { LoaderStatus } from "../model/status.ts";
import type { Prewarmer } from "../prewarm/prewarmer.ts";
import type { Causes } from "../supervise/causes.ts";
import type { Clock } from "../sys/clock.ts";
import type { RunCommand } from "../sys/process/command.ts";

export interface Observed {
  /** As it is now: a reload replaces it. */
  readonly plan: BootPlan;
  readonly log: Log;
  readonly metrics: BootMetrics;
  readonly counters: Counters;
  readonly prewarmer: Prewarmer;
  readonly causes: Causes;
  readonly happened: EventRing;
  readonly clock: Clock;
  status(): LoaderStatus;
  /** Runs a command of the user's, and sees to it that nothing of it is left. */
  readonly run: RunCommand;
  readonly bootId: string;
  /** Aborted when everything is to stop. */
  readonly stopping: AbortController;
  /** Gives back in the end what an observer holds. */
  readonly held: AsyncDisposableStack;
}
