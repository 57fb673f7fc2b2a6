/**
 * What is wrong in a configuration file, as data and as text: place, excerpt with a caret, what was wanted, what
 * was found, what to do. Spec: §3, §13.
 */
import { LoaderError } from "../errors.ts";

/** Where something is in the configuration: keys and list indices from the top. */
export type Path = readonly (string | number)[];

/** One thing that is wrong (or odd), before it is known where in the text that is. */
export interface Finding {
  path: Path;
  /** Point at the key itself or at its value. */
  at: "key" | "value";
  /** Point at this part of the value, if it can be found in the text. */
  inside?: string;
  message: string;
  wanted?: string;
  found?: string;
  hint?: string;
}

/** One thing that is wrong (or odd) at its place. Lines and columns count from 1, columns in UTF-16 units. */
export interface Problem {
  line: number;
  column: number;
  /** `services.kwd.readiness`; empty for the file as a whole. */
  path: string;
  message: string;
  wanted: string | null;
  found: string | null;
  hint: string | null;
  /** The line's text, shortened around the place, with a caret line below. Empty for an empty file. */
  excerpt: string;
}

/** All problems of one file; `message` has them all, ready to print. */
export class ConfigError extends LoaderError {
  override name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[]) {
    super("config_invalid", renderProblems(file, problems));
    this.problems = problems;
  }
}

const shown = 50;

/** All problems, each in a paragraph, with a closing count. */
export function renderProblems(file: string, problems: readonly Problem[]): string {
  const parts = problems.slice(0, shown).map((problem) => renderProblem(file, problem));
  const hidden = problems.length - shown;
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  parts.push(hidden > 0 ? `${count} in ${file} (${hidden} not shown)` : `${count} in ${file}`);
  return parts.join("\n\n");
}

/** `path:line:column: what`, the excerpt, and then what was wanted, what was found and what to do. */
export function renderProblem(file: string, problem: Problem): string {
  const lines = [`${file}:${problem.line}:${problem.column}: ${problem.message}`];
  if (problem.excerpt !== "") lines.push(problem.excerpt);
  if (problem.wanted !== null) lines.push(`  wanted: ${problem.wanted}`);
  if (problem.found !== null) lines.push(`  found:  ${problem.found}`);
  if (problem.hint !== null) lines.push(`  hint:   ${problem.hint}`);
  return lines.join("\n");
}

/** `services.kwd.cmd[0]` */
export function dotted(path: Path): string {
  return path.map((part, i) => typeof part === "number" ? `[${part}]` : i === 0 ? part : `.${part}`).join("");
}

/** A line around a place, and a caret line that marks `length` characters from `column` on, within that line. */
export function excerptOf(lineText: string, line: number, column: number, length: number): string {
  const source = lineText.replace(/\r$/, "");
  if (source.trim() === "") return "";
  // A long line is shown around the place only.
  const from = column > 80 ? column - 41 : 0;
  const shownText = source.slice(from, from + 100);
  const marked = Math.max(1, Math.min(length, source.length - column + 1, from + 100 - column + 1));
  const lead = from > 0 ? "…" : "";
  const number = String(line);
  const indent = width(lead) + width(source.slice(from, column - 1));
  return `  ${number} | ${lead}${printable(shownText)}${from + 100 < source.length ? "…" : ""}\n` +
    `  ${" ".repeat(number.length)} | ${" ".repeat(indent)}${
      "^".repeat(Math.max(1, width(source.slice(column - 1, column - 1 + marked))))
    }`;
}

/** One cell per character is what a caret can rely on: tabs become one space, control characters a dot. */
function printable(text: string): string {
  return text.replaceAll("\t", " ").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
}

function width(text: string): number {
  return [...text].length;
}

/** A value in a few words, for "found". */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${value.length}`;
  if (typeof value === "object") return "a mapping";
  if (typeof value === "string") return `the text ${quote(value)}`;
  if (typeof value === "number") return `the number ${value}`;
  return String(value);
}

/** The text in quotes, shortened and with control characters escaped. */
export function quote(text: string): string {
  return printable(JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}…` : text));
}
