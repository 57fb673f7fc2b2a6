/** A boot as bars in a terminal: one row for each stage, as wide as the terminal. Pure. Spec: §11. */
import type { BootRecord } from "../model/boot_record.ts";
import { cut, displayWidth, pad, paint, plain, type Style } from "./table.ts";
import { type Kind, tickLabel, ticks, timeline } from "./timeline.ts";
import { duration } from "./units.ts";

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/** What overlaps (prepare) or only waits (backoff) is drawn lighter than what the boot had to wait for. */
const FILL: Partial<Record<Kind, string>> = { prepare: "░", backoff: "·" };
const STYLES: Record<Kind, Style> = {
  loader: "gray",
  prepare: "cyan",
  start: "yellow",
  ready: "blue",
  warmup: "magenta",
  backoff: "red",
  greeting: "green",
};
const MIN_WIDTH = 40;
const READY = "SYSTEM_READY";

/** The bar of `at..at+ms` on an axis of `cells` columns for `end` ms; begins on a whole column, ends on an eighth. */
function bar(at: number, ms: number, end: number, cells: number, fill: string | undefined): string {
  const from = Math.min(Math.floor((at / end) * cells), cells - 1);
  const eighths = Math.max(1, Math.min(Math.round(((at + ms) / end) * cells * 8), cells * 8) - from * 8);
  if (fill) return " ".repeat(from) + fill.repeat(Math.max(1, Math.round(eighths / 8)));
  return " ".repeat(from) + "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

function axis(end: number, cells: number): string {
  let line = "";
  for (const tick of ticks(end, Math.max(1, Math.floor(cells / 10)))) {
    const at = Math.round((tick / end) * cells);
    const label = tickLabel(tick, end);
    if (at + label.length <= cells && (line === "" || at > line.length)) line = line.padEnd(at) + label;
  }
  return line;
}

/** Lines of at most `width` columns (40 at least): name, length, bar. Ends with a newline. */
export function renderWaterfall(record: BootRecord, o: { width?: number; color?: boolean } = {}): string {
  const { rows, end_ms, ready_ms } = timeline(record);
  const width = Math.max(MIN_WIDTH, Math.floor(o.width ?? 80));
  const longest = Math.max(READY.length, ...rows.map((row) => displayWidth(plain(row.label))));
  const names = Math.min(longest, Math.floor(width / 3));
  const times = Math.max(...[...rows.map((row) => row.ms), ready_ms ?? 0].map((ms) => duration(ms).length));
  const cells = width - names - times - 3;
  const head = (label: string, ms: string) =>
    pad(cut(plain(label), names), names) + " " + pad(ms, times, "right") + "  ";
  const drawn = rows.map(({ label, kind, at_ms, ms }) => ({
    at_ms,
    line: head(label, duration(ms)) + paint(bar(at_ms, ms, end_ms, cells, FILL[kind]), STYLES[kind], o.color),
  }));
  if (ready_ms !== null) {
    const at = Math.min(Math.round((ready_ms / end_ms) * cells), cells - 1);
    const line = head(record.outcome === "ready" ? READY : record.outcome.toUpperCase(), duration(ready_ms));
    const mark = drawn.findIndex((row) => row.at_ms >= ready_ms);
    drawn.splice(mark < 0 ? drawn.length : mark, 0, {
      at_ms: ready_ms,
      line: line + " ".repeat(at) + paint("┃", "green", o.color),
    });
  }
  return [head("", "") + axis(end_ms, cells), ...drawn.map(({ line }) => line)].map((line) => line + "\n")
    .join("");
}
