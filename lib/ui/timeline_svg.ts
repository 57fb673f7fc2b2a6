/** A boot as a picture: the waterfall as one SVG file that needs nothing else, readable on light and dark. Spec: §11. */
import type { BootRecord } from "../model/boot_record.ts";
import { plain } from "./table.ts";
import { type Kind, type Row, tickLabel, ticks, timeline } from "./timeline.ts";
import { duration, timestamp } from "./units.ts";

const WIDTH = 960;
const ROW = 22;
const TOP = 56;
const LEFT = 170;
/** Room for the length that is written behind the last bar. */
const RIGHT = 90;

/** Colours on light and on dark ground. */
const COLORS: Record<Kind, [light: string, dark: string]> = {
  loader: ["#6e7781", "#9aa4af"],
  prepare: ["#8fc7d6", "#3d7f91"],
  start: ["#d29922", "#e3b341"],
  ready: ["#2f6fd0", "#6ea8fe"],
  warmup: ["#a04bc4", "#cf8ef0"],
  backoff: ["#cf3b3b", "#ff7b72"],
  greeting: ["#2c8a4b", "#56d364"],
};
const MEANING: Record<Kind, string> = {
  loader: "loader",
  prepare: "prepare (overlapped)",
  start: "start",
  ready: "until ready",
  warmup: "warm-up",
  backoff: "backoff",
  greeting: "greeting",
};

/** `text` for XML and HTML, in content and in quoted attributes. */
export function escapeXml(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return plain(text).replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

const kinds = Object.keys(COLORS) as Kind[];
const rules = (of: 0 | 1) => kinds.map((kind) => `.t-${kind}{fill:${COLORS[kind][of]}}`).join("");
const STYLE = `text{font:12px system-ui,sans-serif;fill:#1f2328}.t-title{font-weight:600;font-size:14px}` +
  `.t-dim{fill:#59636e}.t-grid{stroke:#d1d9e0}.t-mark{stroke:#2c8a4b;stroke-width:2}.t-ground{fill:#fff}${
    rules(0)
  }` +
  `@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.t-dim{fill:#9198a1}.t-grid{stroke:#3d444d}` +
  `.t-mark{stroke:#56d364}.t-ground{fill:#0d1117}${rules(1)}}`;

const n = (value: number) => String(Math.round(value * 10) / 10);

function short(label: string): string {
  const chars = [...label];
  return chars.length > 24 ? chars.slice(0, 23).join("") + "…" : label;
}

function legend(used: Set<Kind>, y: number): string {
  let x = LEFT;
  return kinds.filter((kind) => used.has(kind)).map((kind) => {
    const item = `<rect class="t-${kind}" x="${x}" y="${y - 9}" width="10" height="10" rx="2"/>` +
      `<text class="t-dim" x="${x + 15}" y="${y}">${MEANING[kind]}</text>`;
    x += 35 + MEANING[kind].length * 6.5;
    return item;
  }).join("\n");
}

/** The picture's text, an `<svg>` element. */
export function renderSvg(record: BootRecord, o: { utc?: boolean } = {}): string {
  const { rows, end_ms, ready_ms } = timeline(record);
  const bottom = TOP + rows.length * ROW;
  const height = bottom + 56;
  const x = (ms: number) => LEFT + (Math.min(ms, end_ms) / end_ms) * (WIDTH - LEFT - RIGHT);
  const total = record.total_boot_ms === null ? "" : `, ${duration(record.total_boot_ms)}`;
  const title = escapeXml(`Boot ${record.boot}: ${record.outcome}${total}`);
  const about = escapeXml(`${timestamp(record.at, o.utc)}  alexa-loader ${record.version}  ${record.config}`);
  const grid = ticks(end_ms, 8).map((tick) =>
    `<line class="t-grid" x1="${n(x(tick))}" y1="${TOP - 6}" x2="${n(x(tick))}" y2="${bottom}"/>` +
    `<text class="t-dim" x="${n(x(tick))}" y="${bottom + 15}" text-anchor="middle">${
      tickLabel(tick, end_ms)
    }</text>`
  );
  const bars = rows.map((row: Row, i) => {
    const y = TOP + i * ROW;
    const length = duration(row.ms);
    const to = x(row.at_ms + row.ms);
    const width = Math.max(1.5, to - x(row.at_ms));
    const tip = escapeXml(`${row.label}: ${length}, from ${duration(row.at_ms)}`);
    return `<text x="${LEFT - 10}" y="${y + 14}" text-anchor="end">${escapeXml(short(row.label))}</text>` +
      `<rect class="t-${row.kind}" x="${n(x(row.at_ms))}" y="${y + 3}" width="${n(width)}" height="${
        ROW - 7
      }" rx="2">` +
      `<title>${tip}</title></rect>` +
      `<text class="t-dim" x="${n(Math.max(to, x(row.at_ms) + width) + 6)}" y="${y + 14}">${length}</text>`;
  });
  const mark = ready_ms === null ? [] : [
    `<line class="t-mark" x1="${n(x(ready_ms))}" y1="${TOP - 6}" x2="${n(x(ready_ms))}" y2="${bottom}">` +
    `<title>SYSTEM_READY after ${duration(ready_ms)}</title></line>`,
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">`,
    `<style>${STYLE}</style>`,
    `<rect class="t-ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="t-title" x="16" y="22">${title}</text>`,
    `<text class="t-dim" x="16" y="40">${about}</text>`,
    ...grid,
    ...bars,
    ...mark,
    legend(new Set(rows.map((row) => row.kind)), bottom + 40),
    "</svg>",
    "",
  ].join("\n");
}
