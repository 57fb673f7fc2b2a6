/** Figures and lines as people read them. */
import type { Works } from "./model/status.ts";

/** "0.42s", "12.3s", "154s". */
export function seconds(ms: number): string {
  const s = ms / 1000;
  return s < 10 ? `${s.toFixed(2)}s` : s < 100 ? `${s.toFixed(1)}s` : `${Math.round(s)}s`;
}

/** "12:34:56", the time of day where this runs. */
export function timeOfDay(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

/** "wake word yes, answers unproved, speech no". */
export function worksText(all: Record<string, Works>): string {
  return Object.entries(all).map(([name, works]) => `${name} ${works === true ? "yes" : works || "no"}`).join(
    ", ",
  );
}

/** One cell per character is what a caret can rely on: tabs become one space, control characters a dot. */
export function printable(text: string): string {
  return text.replaceAll("\t", " ").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
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

/** An argument as one would have to write it in a shell. */
export function shellWord(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
