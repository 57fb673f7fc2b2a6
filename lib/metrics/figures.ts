/** What the history's figures say: percentiles, the services' ready times, the line of SYSTEM_READY. Spec: §9, §11. */
import type { GreetingPlan } from "../model/plan.ts";
import type { BootRecord } from "../model/boot_record.ts";

/**
 * The `p`-th percentile (0..100) by nearest rank: the smallest value that at least `p` percent of all values do not
 * exceed. So it is always a value that was really measured, and of five values p95 is the largest. Null of none.
 */
export function percentile(values: readonly number[], p: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = Math.ceil((Math.min(Math.max(p, 0), 100) / 100) * sorted.length);
  return sorted[Math.max(rank, 1) - 1] ?? null;
}

/** A boot whose figures others are measured by: everything came up. */
export function isSuccess(record: BootRecord): record is BootRecord & { total_boot_ms: number } {
  return record.outcome === "ready" && record.total_boot_ms !== null;
}

/**
 * `time_to_ready_ms` of every service over the successful boots, newest last. An adopted service was not started, so
 * it has none. Without a prototype, since a service may be called `constructor`.
 */
export function readyTimes(records: readonly BootRecord[]): Record<string, number[]> {
  const times: Record<string, number[]> = Object.create(null);
  for (const record of records.filter(isSuccess)) {
    for (const { name, outcome, adopted, time_to_ready_ms: ms } of record.services) {
      if (outcome === "up" && !adopted && ms !== null) (times[name] ??= []).push(ms);
    }
  }
  return times;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)}s`;

/**
 * `total_boot=15.1s (p95 last 5: 16.8s)`: this boot's total (ms) beside the p95 of up to five successful boots before
 * it; nothing in parentheses when there is none.
 */
export function p95Line(earlier: readonly BootRecord[], totalMs: number): string {
  const whole = (record: BootRecord) => record.services.every((service) => !service.adopted); // else it skipped a load
  const totals = earlier.filter(isSuccess).filter(whole).slice(-5).map((record) => record.total_boot_ms);
  const p95 = percentile(totals, 95);
  return `total_boot=${seconds(totalMs)}` +
    (p95 === null ? "" : ` (p95 last ${totals.length}: ${seconds(p95)})`);
}

/** §10.4: too long for its budget, which cuts nothing. */
export function isOverBudget(plan: GreetingPlan, speakMs: number): boolean {
  return speakMs > plan.budgetMs;
}
