/**
 * Ready when a line of the service's own output matches. Push: nobody polls. It stays ready, since a line once written
 * is not taken back; a new start of the service needs a new probe. Spec: §6; CONTRACT §2.
 */
import { reasonOf } from "../errors.ts";
import { compilePattern, type Pattern } from "../pattern.ts";
import { describeValue } from "../text.ts";
import { probeKind } from "./kind.ts";
import { type CheckOptions, ready, waiting, wrong } from "./results.ts";
import type { ProbeTarget } from "./types.ts";

export const log = probeKind({
  type: "log",
  schema: ({ z, text }) =>
    z.strictObject({
      type: z.literal("log").describe("Ready when a line of the service's own output matches"),
      pattern: text(1000).describe(
        "Regular expression, without lookaround and back references; it meets the first 4096 characters of a line",
      ),
    }),
  hears: "output",
  once: true,
  rules({ path, raw }, { service }, found) {
    if (typeof raw.pattern !== "string") return;
    try {
      new RegExp(raw.pattern);
    } catch (error) {
      found.errors.push({
        path: [...path, "pattern"],
        at: "value",
        message: `${service.name}: not a regular expression: ${
          (error as Error).message.replace(/^Invalid regular expression: /, "")
        }`,
        found: describeValue(raw.pattern),
      });
    }
  },
  async lateRule({ path, raw }, service) {
    const pattern = String(raw.pattern);
    try {
      await compilePattern(pattern);
      return [];
    } catch (error) {
      return [{
        path: [...path, "pattern"],
        at: "value",
        message: `${service}: cannot be matched in bounded time: ${reasonOf(error)}`,
        wanted: "a regular expression without lookaround and back references, as RE2 takes it",
        found: describeValue(pattern),
      }];
    }
  },
  plan: ({ pattern }) => ({ pattern }),
  describe: ({ pattern }) => `log line matches /${pattern}/`,
  brief: ({ pattern }) => `log /${pattern}/`,
  create: (spec, target) => listenFor(spec.pattern, target),
});

function listenFor(source: string, target: ProbeTarget) {
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
  const made = compilePattern(source).then((made) => {
    pattern = made;
    early.forEach(take);
    early = [];
    return null;
  }, (error) => {
    stop();
    return `${reasonOf(error)} in the pattern`;
  });

  return {
    onReady(fn: () => void) {
      listeners.add(fn);
      return { [Symbol.dispose]: () => void listeners.delete(fn) };
    },
    async check({ signal }: CheckOptions) {
      signal.throwIfAborted();
      const problem = await made;
      signal.throwIfAborted();
      if (problem !== null) return wrong(problem);
      return matched === null ? waiting("no matching line yet") : ready(`"${matched.slice(0, 120)}"`);
    },
    [Symbol.dispose]: stop,
  };
}
