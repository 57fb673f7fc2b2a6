/**
 * What is wrong in a configuration file, as data and as text: place, excerpt with a caret, what was wanted, what
 * was found, what to do. Spec: §3, §13.
 */
import { LoaderError } from "../errors.ts";
import type { Path } from "../model/written.ts";
import { printable } from "../text.ts";

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

function width(text: string): number {
  return [...text].length;
}
