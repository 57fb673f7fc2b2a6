/** A self-test beside the earlier ones of the same assistant, and kept for those to come. Spec: §13; docs/contract.md §11. */
import { keepLatency } from "../metrics/output_latency.ts";
import { besideEarlier, keptOf, openSelftests, type Usual } from "../metrics/selftests.ts";
import type { BootPlan } from "../model/plan.ts";
import type { SelftestReport } from "../model/selftest.ts";
import { selftest, type SelftestOptions } from "../selftest/mod.ts";
import { runOf } from "./one_shot.ts";

export interface Tested {
  report: SelftestReport;
  usual: Usual;
  /** What is wrong with the record of the tests, in sentences. */
  warnings: readonly string[];
}

/** Tests what the running loader of this plan looks after. Rejects only with the signal's reason. */
export async function testAndKeep(plan: BootPlan, options: Omit<SelftestOptions, "run">): Promise<Tested> {
  const kept = openSelftests(plan.dirs.state);
  const report = await selftest(plan, { ...options, run: runOf });
  const usual = besideEarlier(report, kept.records);
  const problems = [
    await kept.append(keptOf(report)),
    report.sound && keepLatency(plan.dirs.state, report.sound.latency_ms),
  ];
  return { report, usual, warnings: [...kept.warnings, ...problems.filter((problem) => problem !== null)] };
}
