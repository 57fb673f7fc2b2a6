/** A boot as one self-contained page: picture and figures, no script, nothing loaded from anywhere. Spec: §11. */
import type { BootRecord } from "../model/boot_record.ts";
import { verdict } from "../metrics/verdict.ts";
import { bootFacts, chainTable, serviceTable, vramTable } from "./boots_view.ts";
import type { Column } from "./table.ts";
import { escapeXml, renderSvg } from "./timeline_svg.ts";
import { timestamp } from "./units.ts";

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1f2328; background: #fff; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 1.5rem; color: #59636e; }
svg { width: 100%; height: auto; border: 1px solid #d1d9e0; border-radius: 6px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; border-bottom: 1px solid #d1d9e0; }
th { font-weight: 600; white-space: nowrap; } .r { text-align: right; }
@media (prefers-color-scheme: dark) {
  body { color: #f0f6fc; background: #0d1117; } p { color: #9198a1; }
  svg, th, td { border-color: #3d444d; }
}`;

function table(columns: Column[], rows: string[][]): string {
  const cell = (tag: "th" | "td", text: string, i: number) =>
    `<${tag}${columns[i]?.align === "right" ? ' class="r"' : ""}>${escapeXml(text)}</${tag}>`;
  const head = columns.map(({ title }, i) => cell("th", title, i))
    .join("");
  const body = rows.map((row) => `<tr>${row.map((text, i) => cell("td", text, i)).join("")}</tr>`).join("\n");
  return `<div class="scroll"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body}\n</tbody></table></div>`;
}

function section(title: string, { columns, rows }: { columns: Column[]; rows: string[][] }): string[] {
  return rows.length === 0 ? [] : [`<h2>${title}</h2>`, table(columns, rows)];
}

/** The page's text; `earlier` boots (oldest first) are what the verdict measures it by. */
export function renderHtml(
  record: BootRecord,
  earlier: readonly BootRecord[],
  o: { utc?: boolean } = {},
): string {
  const facts = bootFacts(record).map(([name, value]) =>
    `<tr><th>${escapeXml(name)}</th><td>${escapeXml(value)}</td></tr>`
  );
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>Boot ${escapeXml(record.boot)}</title>`,
    `<style>${STYLE}\n</style></head><body>`,
    `<h1>Boot ${escapeXml(record.boot)}: ${escapeXml(verdict(record, earlier))}</h1>`,
    `<p>${escapeXml(timestamp(record.at, o.utc))}, ${escapeXml(record.outcome)}</p>`,
    renderSvg(record, o).trimEnd(),
    ...section("Services", serviceTable(record)),
    ...section("Critical chain", chainTable(record)),
    ...section("GPU memory", vramTable(record)),
    "<h2>Facts</h2>",
    `<div class="scroll"><table><tbody>\n${facts.join("\n")}\n</tbody></table></div>`,
    "</body></html>",
    "",
  ].join("\n");
}
