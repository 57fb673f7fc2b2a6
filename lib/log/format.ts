/**
 * The one line format of the program: tag padded to 9, level, ` = `, message. Pure. Spec: §7; CONTRACT §9.
 */
import type { OwnLevel } from "./own_level.ts";

/** How important a line is. */
export type LogLevel = "INFO" | "WARNING" | "ERROR" | "DEBUG";

const levels: readonly LogLevel[] = ["INFO", "WARNING", "ERROR", "DEBUG"];
const tagWidth = 9;

/** What stands before a message: `LOADER   INFO = `. A tag of 9 characters or more is followed by one space. */
export function linePrefix(tag: string, level: LogLevel): string {
  return `${padTag(tag)}${level} = `;
}

function padTag(tag: string): string {
  return tag.length < tagWidth ? tag.padEnd(tagWidth) : `${tag} `;
}

/**
 * One log line, without its end. A message of several lines becomes several lines of the same tag and level
 * (joined with `\n`); control characters are made visible.
 */
export function formatLine(tag: string, level: LogLevel, message: string): string {
  return withPrefix(linePrefix(tag, level), message);
}

/** {@link formatLine} with another prefix: colours, the journal's. */
export function withPrefix(prefix: string, message: string): string {
  const lines = message.replace(/[\r\n]+$/, "").split(/\r\n|\n|\r/);
  return lines.map((line) => prefix + visible(line)).join("\n");
}

// Readable on dark and light backgrounds; red and yellow are left to the levels.
const tagColors: Record<string, number> = { MAIN: 90, LOADER: 90, KWD: 36, STT: 35, LLM: 34, TTS: 32 };
const otherColors = [96, 95, 94, 92];
const levelColors: Record<LogLevel, string> = {
  INFO: "",
  WARNING: "\x1b[33m",
  ERROR: "\x1b[1;31m",
  DEBUG: "\x1b[2m",
};

function tagColor(tag: string): number {
  if (Object.hasOwn(tagColors, tag)) return tagColors[tag]!;
  let sum = 0;
  for (let i = 0; i < tag.length; i++) sum += tag.charCodeAt(i);
  return otherColors[sum % otherColors.length]!;
}

/** {@link linePrefix} in colours: each tag always has the same one. */
export function colorPrefix(tag: string, level: LogLevel): string {
  const color = levelColors[level];
  return `\x1b[${tagColor(tag)}m${padTag(tag)}\x1b[0m${color}${level}${color && "\x1b[0m"} = `;
}

const syslogLevels: Record<LogLevel, string> = { ERROR: "<3>", WARNING: "<4>", INFO: "<6>", DEBUG: "<7>" };

/** {@link linePrefix} for the journal, which takes a line's level from the number before it (sd-daemon(3)) and hides it. */
export function journalPrefix(tag: string, level: LogLevel): string {
  return syslogLevels[level] + linePrefix(tag, level);
}

/** Before a line that has our form already. */
export const journalMark = (level: LogLevel): string => syslogLevels[level];

/** Control characters as pictures (`\x1b` becomes `␛`), so that a terminal shows them instead of obeying them; tabs stay. */
export function visible(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f]/g, visibleControl);
}

/** The harmless stand-in for one control character. */
export function visibleControl(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}

const levelBytes = new Map(
  levels.map((level) => [level.charCodeAt(0), new TextEncoder().encode(`${level} = `)]),
);
const longestTag = 64;

/** True if the bytes from `start` to `end` are a line that already has our form, so that it passes as it is. */
export function hasOurForm(bytes: Uint8Array, start: number, end: number): boolean {
  return ourLevel(bytes, start, end) >= 0;
}

/** The level of a line that already has our form; -1 of any other line. */
export function ourLevel(bytes: Uint8Array, start: number, end: number): OwnLevel | -1 {
  let at = start;
  const stop = Math.min(end, start + longestTag);
  for (; at < stop; at++) {
    const c = bytes[at]!;
    const upper = c >= 65 && c <= 90;
    if (!upper && (at === start || !((c >= 48 && c <= 57) || c === 95))) break;
  }
  if (at === start || bytes[at] !== 32) return -1;
  const level = Math.max(at + 1, start + tagWidth);
  // The level's first letter, before anything dearer: this is asked for every line that a service prints.
  if (level >= end || bytes[level]! < 65 || bytes[level]! > 90) return -1;
  for (; at < level; at++) if (bytes[at] !== 32) return -1;
  const first = bytes[level]!;
  const want = levelBytes.get(first);
  if (want === undefined || !startsWith(bytes, level, end, want)) return -1;
  return first === 69 ? 2 : first === 87 ? 1 : 0; // ERROR, WARNING
}

function startsWith(bytes: Uint8Array, at: number, end: number, want: Uint8Array): boolean {
  if (at + want.length > end) return false;
  for (let i = 0; i < want.length; i++) if (bytes[at + i] !== want[i]) return false;
  return true;
}

/** The parts of a line that has our form; null for any other line. */
export function parseOurForm(line: string): { tag: string; level: LogLevel; message: string } | null {
  const found = /^([A-Z][A-Z0-9_]{0,63})( +)(INFO|WARNING|ERROR|DEBUG) = (.*)$/s.exec(line);
  if (!found) return null;
  const [, tag = "", spaces = "", level, message = ""] = found;
  if (tag.length + spaces.length !== Math.max(tagWidth, tag.length + 1)) return null;
  return { tag, level: level as LogLevel, message };
}
