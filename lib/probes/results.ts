/** The four answers of a probe, and the rules that all kinds share for turning failures into one of them. */
import type { Link } from "../model/plan.ts";
import { type Clock, deadline } from "../sys/clock.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { HttpError } from "../sys/net/http.ts";
import { noneFreeText } from "../sys/process/descriptors.ts";
import { TcpError } from "../sys/net/tcp.ts";
import type { ProbeResult } from "./types.ts";

export const ready = (detail: string): ProbeResult => ({ state: "ready", detail });
export const waiting = (detail: string): ProbeResult => ({ state: "waiting", detail });
export const unheard = (detail: string): ProbeResult => ({ state: "waiting", detail, unheard: true });
export const wrong = (detail: string): ProbeResult => ({ state: "wrong", detail });
export const unasked: ProbeResult = { state: "unasked", detail: noneFreeText };
export const noAnswer = (ms: number): ProbeResult => ({
  state: "timeout",
  detail: `no answer within ${ms} ms`,
});

/** What a kind of probe needs besides its configuration and its service. */
export interface ProbeDeps {
  clock: Clock;
  /** How commands are run for the service. */
  run: RunCommand;
  link?: Link | undefined;
}

export interface CheckOptions {
  signal: AbortSignal;
  timeoutMs: number;
}

/**
 * Runs one check within its time. Failures of network and protocol become answers; what nobody foresaw becomes one too,
 * since a probe must never be the reason that a boot ends. Only the caller's own abort goes through.
 */
export async function attempt(
  clock: Clock,
  { signal, timeoutMs }: CheckOptions,
  ask: (signal: AbortSignal) => Promise<ProbeResult>,
): Promise<ProbeResult> {
  signal.throwIfAborted();
  using limit = deadline(clock, timeoutMs, signal);
  try {
    return await ask(limit.signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (limit.signal.aborted) return noAnswer(timeoutMs);
    return explained(error, timeoutMs);
  }
}

function explained(error: unknown, timeoutMs: number): ProbeResult {
  if (error instanceof HttpError && error.kind === "timeout") return noAnswer(timeoutMs);
  if (error instanceof HttpError && (error.kind === "garbage" || error.kind === "denied")) {
    return wrong(error.message);
  }
  if (error instanceof HttpError || error instanceof TcpError) {
    if (error.kind === "unasked") return unasked;
    if (error.kind === "untrusted") return wrong(error.message);
    const nobody = error.kind === "refused" || error.kind === "unreachable";
    return nobody ? unheard(error.message) : waiting(error.message);
  }
  return wrong(error instanceof Error ? error.message : String(error));
}
