/**
 * Warm-ups: one real inference per service whose result is thrown away, so that the user's first one is not the slow
 * one. Part of the gate: what is offered must work. Spec: §9; CONTRACT §4.
 */
import { deadline } from "../sys/clock.ts";
import { HttpError } from "../sys/net/http.ts";
import type { WarmupSpec } from "../model/plan.ts";
import * as exec from "./exec.ts";
import * as http from "./http.ts";
import * as ollama from "./ollama.ts";
import * as openai from "./openai.ts";
import { chooseKind, failed, inSeconds, type RunContext, type WarmupDeps } from "./results.ts";
import type { WarmupResult } from "./types.ts";
import * as wyoming from "./wyoming.ts";

export { type ColdCheck, coldCheck } from "./cold.ts";
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
  if (spec.kind === "none") {
    return spec.warn
      ? {
        state: "not_offered",
        detail: spec.why,
        hint: chooseKind,
      }
      : { state: "warmed", ms: 0, detail: spec.why };
  }
  const end = clock.now() + spec.timeoutMs;
  using limit = deadline(clock, spec.timeoutMs, signal);
  let result: WarmupResult = failed("no run was asked for");
  try {
    for (let i = 0; i < Math.max(1, spec.runs); i++) {
      result = await runOnce(spec, {
        ...deps,
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

function runOnce(spec: Exclude<WarmupSpec, { kind: "none" }>, context: RunContext): Promise<WarmupResult> {
  switch (spec.kind) {
    case "http":
      return http.run(spec, context);
    case "wyoming":
      return wyoming.run(spec, context);
    case "ollama":
      return ollama.run(spec, context);
    case "openai":
      return openai.run(spec, context);
    case "exec":
      return exec.run(spec, context);
  }
}

function inWords(error: unknown, spec: Exclude<WarmupSpec, { kind: "none" }>): string {
  // The request's own limit and ours run out in the same moment.
  if (error instanceof HttpError && error.kind === "timeout") return timedOut(spec.timeoutMs);
  const where = spec.kind === "exec"
    ? spec.cmd[0]
    : spec.kind === "wyoming"
    ? `${spec.host}:${spec.port}`
    : spec.url;
  return `${where}: ${error instanceof Error ? error.message : String(error)}`;
}

function timedOut(ms: number): string {
  return `timed out after ${inSeconds(ms)}`;
}
