/** What all kinds of warm-up share: their dependencies, and what an HTTP answer means for one. */
import type { Link } from "../model/plan.ts";
import type { Clock } from "../sys/clock.ts";
import type { RunCommand } from "../sys/process/command.ts";
import type { HttpResponse } from "../sys/net/http.ts";
import type { WarmupResult } from "./types.ts";

export interface WarmupDeps {
  clock: Clock;
  signal: AbortSignal;
  /** How commands are run for the service. */
  run: RunCommand;
  link?: Link | undefined;
}

/** One run: `signal` ends with the caller's abort or with the warm-up's time, `timeoutMs` is what is left of it. */
export interface RunContext extends WarmupDeps {
  timeoutMs: number;
  /** What to do about a server whose warm-up is not known. */
  choose: string;
}

export const failed = (detail: string): WarmupResult => ({ state: "failed", detail });

/** The statuses with which a server says that it does not know the request at all. */
const unknownRequest = new Set([404, 405, 501]);

export const isUnknownRequest = ({ status }: HttpResponse): boolean => unknownRequest.has(status);

/** How long a server that still loads is left alone, ms. */
const loadingMs = 250;

/** Asks until the answer is no 503 any more, as long as there is time: a port may be open long before its model is there. */
export async function onceLoaded(
  ask: () => Promise<HttpResponse>,
  { clock, signal, timeoutMs }: RunContext,
): Promise<HttpResponse> {
  const until = clock.now() + timeoutMs - loadingMs;
  for (;;) {
    const answer = await ask();
    if (answer.status !== 503 || clock.now() >= until) return answer;
    await clock.sleep(loadingMs, signal);
  }
}

/** Null for success; else "not offered" with `hint`, or the failure with the first words of the body. */
export function refusal(answer: HttpResponse, what: string, hint: string): WarmupResult | null {
  if (answer.status >= 200 && answer.status < 300) return null;
  if (isUnknownRequest(answer)) {
    return { state: "not_offered", detail: `${what} was answered with ${answer.status}`, hint };
  }
  const loading = answer.status === 503
    ? "; its port is open, but its model was not loaded in time (warmup.timeout_sec)"
    : "";
  return failed(`${what} was answered with ${answer.status}${quoted(answer)}${loading}`);
}

/** The first words of the body behind a colon; nothing for nothing. */
export function quoted({ text }: HttpResponse): string {
  const words = text.replace(/\p{Cc}+/gu, " ").trim().slice(0, 200);
  return words ? `: ${words}` : "";
}

/** "60 s", "1.5 s", "300 ms". */
export function inSeconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
