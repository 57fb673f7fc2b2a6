/**
 * Ready when a line of the service's own output matches. Push: nobody polls. It stays ready, since a line once written
 * is not taken back; a new start of the service needs a new probe. Spec: §6; CONTRACT §2.
 */
import type { ProbeSpec } from "../plan/types.ts";
import { type ProbeDeps, ready, waiting } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

type LogSpec = Extract<ProbeSpec, { type: "log" }>;

/** A pattern meets no more than this of a line, so that a hostile line cannot make it run for ever. */
const maxLineChars = 4096;

export function create(spec: LogSpec, target: ProbeTarget, _deps: ProbeDeps): Probe {
  const pattern = new RegExp(spec.pattern);
  const listeners = new Set<() => void>();
  let matched: string | null = null;
  let lines: Disposable | null = null;
  const stop = () => {
    lines?.[Symbol.dispose]();
    lines = null;
  };
  // Kept lines may come while onLine() is still running, so there may be nothing to dispose yet.
  lines = target.onLine((line) => {
    if (matched !== null || !pattern.test(line.slice(0, maxLineChars))) return;
    matched = line;
    stop();
    for (const fn of listeners) fn();
  });
  if (matched !== null) stop();

  return {
    description: `log /${spec.pattern}/`,
    onReady(fn) {
      listeners.add(fn);
      return { [Symbol.dispose]: () => void listeners.delete(fn) };
    },
    async check({ signal }) {
      signal.throwIfAborted();
      return matched === null ? waiting("no matching line yet") : ready(`"${matched.slice(0, 120)}"`);
    },
    [Symbol.dispose]: stop,
  };
}
