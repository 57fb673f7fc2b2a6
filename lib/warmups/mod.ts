/**
 * Warm-ups: one real inference per service whose result is thrown away, so that the user's first one is not the slow
 * one. Part of the gate: what is offered must work. Spec: §9; CONTRACT §4.
 */
import { deadline } from "../sys/clock.ts";
import { HttpError } from "../sys/net/http.ts";
import type { WarmupSpec } from "../model/plan.ts";
import { type ColdCheck, forgiving } from "./cold.ts";
import { kindOf, warmupKinds } from "./kinds.ts";
import { failed, inSeconds, type WarmupDeps } from "./results.ts";
import type { WarmupResult } from "./types.ts";

export type { ColdCheck } from "./cold.ts";
export { audioClip, sampleRate, wavOf } from "./clip.ts";
export type { WarmupDeps } from "./results.ts";
export type { WarmupResult } from "./types.ts";

/**
 * Warms a service up, `spec.runs` times within `spec.timeoutMs` in all. `none` asks for nothing: with `warn` it is
 * "not offered", else warmed in 0 ms. Rejects only with the signal's reason.
 */
export async function runWarmup(spec: WarmupSpec, deps: WarmupDeps): Promise<WarmupResult> {
  const { clock, signal } = deps;
  signal.throwIfAborted();
  const kind = kindOf(spec);
  const known = warmupKinds.map(({ kind }) => kind).filter((name) => name !== "none");
  const choose = `choose one with \`warmup: { kind: ${known.join(" | ")} }\``;
  const end = clock.now() + spec.timeoutMs;
  using limit = deadline(clock, spec.timeoutMs, signal);
  let result: WarmupResult = failed("no run was asked for");
  try {
    for (let i = 0; i < Math.max(1, spec.runs); i++) {
      result = await kind.run(spec, {
        ...deps,
        choose,
        signal: limit.signal,
        timeoutMs: Math.max(1, end - clock.now()),
      });
      if (result.state !== "warmed") break;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.signal.aborted) return failed(inWords(error, spec));
  }
  signal.throwIfAborted();
  return limit.signal.aborted ? failed(timedOut(spec.timeoutMs)) : result;
}

function inWords(error: unknown, spec: WarmupSpec): string {
  // The request's own limit and ours run out in the same moment.
  if (error instanceof HttpError && error.kind === "timeout") return timedOut(spec.timeoutMs);
  return `${kindOf(spec).where(spec)}: ${error instanceof Error ? error.message : String(error)}`;
}

function timedOut(ms: number): string {
  return `timed out after ${inSeconds(ms)}`;
}

/** How to learn that what was warmed is cold again; null where nobody can tell. */
export function coldCheck(spec: WarmupSpec): ColdCheck | null {
  const ask = kindOf(spec).coldCheck?.(spec);
  return ask ? forgiving(ask) : null;
}
