/** How a service stands, gathered from its facts: what `status` and the DEGRADED sentence say of it. Spec: §12, §13. */
import type { ServiceFact } from "../model/events.ts";
import type { StopReport } from "../model/reports.ts";

const checksKept = 64;

export class Standing {
  /** From the spawn of its copy (of one that stood by: its release) to ready, ms; null before, and of one taken over. */
  readyMs: number | null = null;
  /** Monotonic ms at which it was last up (past its gate); null before. */
  upAt: number | null = null;
  /** How often the policy has started it again since the loader runs. */
  restartCount = 0;
  /** Why it was given up; null while it was not. */
  givenUpWhy: string | null = null;
  /** Since when an external service does not answer; null while it does. */
  awaySince: Date | null = null;
  /** What keeps it from getting ready and cannot come right by waiting. */
  wrong: string | null = null;
  /** Its copy was started by an earlier loader and taken over. */
  adopted = false;
  lastStop: StopReport | null = null;
  /** How long its last health checks took that were answered, ms, newest last. */
  checks: number[] = [];

  /** The observer; `now`: monotonic ms. */
  note(fact: ServiceFact, now: number): void {
    switch (fact.fact) {
      case "state":
        if (fact.to === "up") this.upAt = now;
        if (fact.to === "away" || fact.to === "starting") this.readyMs = this.upAt = null;
        if (fact.to === "starting") {
          this.givenUpWhy = this.wrong = null;
          this.adopted = false;
        }
        return;
      case "adopted":
        this.adopted = true;
        return;
      case "checked":
        if (fact.result === "ready") this.checks = [...this.checks.slice(1 - checksKept), fact.ms];
        return;
      case "wrong":
        this.wrong = fact.detail;
        return;
      case "ready":
        this.readyMs = fact.ms;
        this.wrong = null;
        return;
      case "fault":
        this.wrong = null; // what happened says more
        if (fact.verdict.kind === "restart") this.restartCount++;
        this.givenUpWhy = fact.verdict.kind === "give_up" ? fact.verdict.why : null;
        this.awaySince = fact.awaySince;
        return;
      case "back":
        this.awaySince = null;
        return;
      case "stopped":
        this.lastStop = fact.report;
        if (fact.report.stuck) this.givenUpWhy = "it could not be stopped";
    }
  }
}
