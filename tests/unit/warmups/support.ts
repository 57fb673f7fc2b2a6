/** What the warm-up tests share. */
import type { WarmupSpec } from "../../../lib/model/plan.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { runCommand } from "../../../lib/sys/process/command.ts";
import { runWarmup, type WarmupResult } from "../../../lib/warmups/mod.ts";

export const common = { timeoutMs: 10_000, runs: 1, required: true };

export function warm(spec: WarmupSpec, signal = new AbortController().signal): Promise<WarmupResult> {
  return runWarmup(spec, { clock: systemClock, signal, run: runCommand });
}
