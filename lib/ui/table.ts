/** The one table of the program: columns that line up, whatever script the words are in. */
import { styleText } from "node:util";

/** Any style that `styleText` knows. */
export type Style = Parameters<typeof styleText>[0];

export interface Column {
  title: string;
  /** Words to the left (default), figures to the right. */
  align?: "left" | "right";
  /** Longer text is cut with an ellipsis. Display columns, default 60. */
  max?: number;
}

/** Text, or text in a colour that is only used when colours were asked for. */
export type Cell = string | { text: string; style: Style };

// Wide: Hangul, CJK, kana, full-width forms, emoji. Zero: combining marks, joiners, variation selectors.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO = /[\p{Mn}\p{Me}\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]/u;
// deno-lint-ignore no-control-regex
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** How many columns `text` takes on a terminal. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text) width += ZERO.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  return width;
}

/** `text` on one line and without anything that could steer a terminal. */
export function plain(text: string): string {
  return text.replace(CONTROL, "\ufffd");
}

/** `text` cut to `width` columns, with an ellipsis if something is missing. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const char of text) {
    const wide = displayWidth(char);
    if (used + wide > width - 1) break;
    used += wide;
    kept += char;
  }
  return kept + "…";
}

/** `text` filled up to `width` columns. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const blanks = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? blanks + text : text + blanks;
}

/** `text` in `style` if colours are wanted. */
export function paint(text: string, style: Style, color: boolean | undefined): string {
  return color ? styleText(style, text, { validateStream: false }) : text;
}

/**
 * Title line and rows, two blanks between columns, no blanks at the end of a line; ends with a newline. A row may be
 * shorter than the columns. Columns without any text (title included) are left out.
 */
export function renderTable(
  columns: Column[],
  rows: Cell[][],
  o: { color?: boolean; indent?: string } = {},
): string {
  const grid = rows.map((row) =>
    columns.map(({ max = 60 }, i) => {
      const cell = row[i] ?? "";
      const { text, style } = typeof cell === "string" ? { text: cell, style: null } : cell;
      return { text: cut(plain(text), max), style };
    })
  );
  const titles = columns.map(({ title }) => ({ text: plain(title), style: "bold" as Style }));
  const all = titles.some(({ text }) => text !== "") ? [titles, ...grid] : grid;
  const widths = columns.map((_, i) => Math.max(0, ...all.map((row) => displayWidth(row[i]?.text ?? ""))));
  const lines = all.map((row) => {
    const cells = row.map((cell, i) => ({ ...cell, width: widths[i] ?? 0, align: columns[i]?.align }));
    const shown = cells.filter(({ width }) => width > 0);
    const end = shown.findLastIndex(({ text }) => text !== "");
    const words = shown.slice(0, end + 1).map(({ text, style, width, align }, i) => {
      const padded = i === end && align !== "right" ? text : pad(text, width, align);
      return style === null ? padded : paint(padded, style, o.color);
    });
    return ((o.indent ?? "") + words.join("  ")).trimEnd();
  });
  return lines.map((line) => line + "\n").join("");
}
