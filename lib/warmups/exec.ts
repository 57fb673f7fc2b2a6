/** A command of the user's that makes the service infer once, and exits with 0. Spec: §9; CONTRACT §4. */
import type { WarmupSpec } from "../model/plan.ts";
import { failed, type RunContext } from "./results.ts";
import type { WarmupResult } from "./types.ts";

type ExecSpec = Extract<WarmupSpec, { kind: "exec" }>;

const maxOutputBytes = 16 * 1024;

export async function run(
  spec: ExecSpec,
  { clock, signal, timeoutMs, ...deps }: RunContext,
): Promise<WarmupResult> {
  const began = clock.now();
  // The warm-up's own time ends with the signal; the command's limit only stands behind it.
  const result = await deps.run(spec.cmd, { signal, timeoutMs: timeoutMs + 1000, maxOutputBytes });
  if (result.code === 0) return { state: "warmed", ms: clock.now() - began };
  const words = (result.stderr.trim() || result.stdout.trim()).replace(/\p{Cc}+/gu, " ").slice(0, 200);
  const program = spec.cmd[0];
  if (result.missing) return failed(`${program} cannot be run: ${words}`);
  const how = result.signal === null ? `ended with exit ${result.code}` : `was killed by ${result.signal}`;
  return failed(`${program} ${how}${words ? `: ${words}` : ""}`);
}
