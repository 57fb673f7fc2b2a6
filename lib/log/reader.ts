/** The log files read: their last lines, rotated ones too, and what is added to them. Works without a loader. Spec: §7. */
import type { Pattern } from "../pattern.ts";
import type { Clock } from "../sys/clock.ts";
import { listFiles } from "../sys/files/files.ts";
import { GrowingFile, linesFromEnd } from "../sys/files/log_tail.ts";
import { fileName } from "./files.ts";
import type { LogLevel } from "./format.ts";

/** One line of a log file. */
export interface LogLine {
  /** ISO 8601. */
  at: string;
  tag: string;
  level: LogLevel;
  message: string;
}

export interface LogQuestion {
  /** The folder of the files. */
  dir: string;
  /** Only this tag's; null: all. */
  tag: string | null;
  /** Not older than this, ms since 1970. */
  since?: number | undefined;
  /** Only those whose message it fits. */
  grep?: Pattern | undefined;
  /** How many of the last lines. */
  tail: number;
  /** How much of each file is looked at, bytes from its end; all of it. */
  maxBytes?: number;
}

const line = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (\S+) +(INFO|WARNING|ERROR|DEBUG) = (.*)$/;
/** A follower looks this often, ms. */
const lookMs = 200;

/** The tag of a service, and of the loader itself. */
export const tagOf = (service: string): string => service.toUpperCase();

/** A line as it stands in a file; null for what is none. */
export function parseLogLine(text: string): LogLine | null {
  const [, at, tag, level, message] = line.exec(text) ?? [];
  return at === undefined ? null : { at, tag: tag!, level: level as LogLevel, message: message! };
}

/** The last lines that fit, oldest first. */
export async function lastLines(question: LogQuestion): Promise<LogLine[]> {
  const found = await Promise.all(bases(question).map((base) => lastOf(base, question)));
  if (found.length === 1) return found[0]!;
  return found.flat().sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0).slice(-question.tail);
}

/** Where the lines are: the tag's file, or the one with all, or, where that is not kept, each tag's. */
function bases({ dir, tag }: LogQuestion): string[] {
  if (tag !== null) return [`${dir}/${fileName(tag)}.log`];
  const names = listFiles(dir).filter((name) => name.endsWith(".log"));
  return names.includes("combined.log") ? [`${dir}/combined.log`] : names.map((name) => `${dir}/${name}`);
}

async function lastOf(base: string, question: LogQuestion): Promise<LogLine[]> {
  const { tail, since = -Infinity, maxBytes = Infinity } = question;
  const dir = base.slice(0, base.lastIndexOf("/")), name = base.slice(dir.length + 1);
  const rotated = listFiles(dir).filter((each) => each.startsWith(`${name}.`) && /\.\d+$/.test(each))
    .map((each) => Number(each.slice(name.length + 1))).sort((a, b) => a - b);
  const found: LogLine[] = []; // newest first
  for (const path of [base, ...rotated.map((n) => `${base}.${n}`)]) {
    for await (const lines of linesFromEnd(path, maxBytes)) {
      for (const text of lines.reverse()) {
        const read = parseLogLine(text);
        if (!read) continue;
        if (Date.parse(read.at) < since || found.length >= tail) return found.reverse();
        if (question.grep?.test(read.message) ?? true) found.push(read);
      }
    }
    if (maxBytes !== Infinity) break;
  }
  return found.reverse();
}

/** {@link lastLines}, and then what is added, until `signal` is aborted. Whoever does not take them is not waited for. */
export async function* followLines(
  question: LogQuestion,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  using files = new DisposableStack();
  const growing: GrowingFile[] = [];
  const found = () => bases(question).filter((path) => !growing.some((file) => file.path === path));
  for (const path of found()) {
    const file = files.use(new GrowingFile(path));
    growing.push(file);
    await file.toEnd();
  }
  yield* await lastLines(question);
  while (!signal.aborted) {
    for (const path of found()) growing.push(files.use(new GrowingFile(path)));
    let any = false;
    for (const file of growing) {
      for (const text of await file.lines()) {
        any = true;
        const read = parseLogLine(text);
        if (read && (question.grep?.test(read.message) ?? true)) yield read;
      }
    }
    if (!any) await clock.sleep(lookMs, signal).catch(() => {});
  }
}
