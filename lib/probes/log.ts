/**
 * Ready when a line of the service's own output matches. Push: nobody polls. It stays ready, since a line once written
 * is not taken back; a new start of the service needs a new probe. Spec: §6; CONTRACT §2.
 */
import { reasonOf } from "../errors.ts";
import { compilePattern, type Pattern } from "../pattern.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { type ProbeDeps, ready, waiting, wrong } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

type LogSpec = Extract<ProbeSpec, { type: "log" }>;

export function create(spec: LogSpec, target: ProbeTarget, _deps: ProbeDeps): Probe {
  const listeners = new Set<() => void>();
  let pattern: Pattern | null = null;
  /** What was printed while the pattern was made, some milliseconds. */
  let early: string[] = [];
  let matched: string | null = null;
  let lines: Disposable | null = null;
  const stop = () => {
    lines?.[Symbol.dispose]();
    lines = null;
  };
  const take = (line: string) => {
    if (matched !== null) return;
    if (pattern === null) return void early.push(line);
    if (!pattern.test(line)) return;
    matched = line;
    stop();
    for (const fn of listeners) fn();
  };
  lines = target.onLine(take);
  const made = compilePattern(spec.pattern).then((made) => {
    pattern = made;
    early.forEach(take);
    early = [];
    return null;
  }, (error) => {
    stop();
    return `${reasonOf(error)} in the pattern`;
  });

  return {
    description: `log /${spec.pattern}/`,
    onReady(fn) {
      listeners.add(fn);
      return { [Symbol.dispose]: () => void listeners.delete(fn) };
    },
    async check({ signal }) {
      signal.throwIfAborted();
      const problem = await made;
      signal.throwIfAborted();
      if (problem !== null) return wrong(problem);
      return matched === null ? waiting("no matching line yet") : ready(`"${matched.slice(0, 120)}"`);
    },
    [Symbol.dispose]: stop,
  };
}
