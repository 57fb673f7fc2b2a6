import assert from "node:assert/strict";
import { renderHtml } from "../../../lib/ui/timeline_html.ts";
import { renderSvg } from "../../../lib/ui/timeline_svg.ts";
import type { BootRecord } from "../../../lib/model/boot_record.ts";
import { bootRecord } from "../../support/boot_records.ts";

function hostile(): BootRecord {
  const record = bootRecord(1);
  record.config = `"><script>alert(1)</script>`;
  record.spans[0]!.name = `</title><img src=x onerror="alert(1)">`;
  record.services[0]!.name = "<b>&'";
  record.vram[0]!.stage = "<i>";
  return record;
}

/** Elements of well-formed markup, in order of their beginning; fails on a tag that is not closed. */
function elements(markup: string, empty: Set<string> = new Set()): string[] {
  const open: string[] = [];
  const seen: string[] = [];
  for (const [, close, name, attributes] of markup.matchAll(/<(\/?)([a-zA-Z][\w-]*)((?:"[^"]*"|[^">])*)>/g)) {
    if (close) assert.equal(open.pop(), name);
    else {
      seen.push(name!);
      if (!attributes!.endsWith("/") && !empty.has(name!)) open.push(name!);
    }
  }
  assert.deepEqual(open, []);
  return seen;
}

Deno.test("renderSvg() draws every span, the axis and SYSTEM_READY, to scale", () => {
  const record = bootRecord(1);
  const svg = renderSvg(record, { utc: true });
  elements(svg);
  assert.match(svg, /aria-label="Boot b0000001: ready, 14\.1 s"/);
  assert.match(svg, /2026-01-02 10:01:00 {2}alexa-loader 1\.0\.0/);
  const bars = [...svg.matchAll(/<rect class="t-(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)" height="15"/g)];
  assert.equal(bars.length, record.spans.length);
  const scale = (960 - 170 - 90) / 14_993;
  const llm = bars.find(([, kind, , width]) =>
    kind === "ready" && Math.abs(Number(width) - 8000 * scale) < 0.2
  );
  assert.ok(llm, "a bar of 8 s");
  assert.ok(Math.abs(Number(llm[2]) - (170 + 3409 * scale)) < 0.2, llm[2]!);
  assert.match(svg, /<title>llm\.ready: 8\.00 s, from 3\.41 s<\/title>/);
  assert.match(svg, /<title>SYSTEM_READY after 14\.1 s<\/title>/);
  assert.match(svg, /prefers-color-scheme:dark/);
});

Deno.test("renderSvg() of an empty record is a picture too", () => {
  const empty = { ...bootRecord(1), spans: [], total_boot_ms: null };
  elements(renderSvg(empty));
  assert.doesNotMatch(renderSvg(empty), /NaN|Infinity|undefined|SYSTEM_READY/);
});

Deno.test("renderHtml() is one page with picture and figures that loads nothing", () => {
  const cold = bootRecord(5, { llm: 2.1 });
  const earlier = [1, 2, 3].map((n) => bootRecord(n));
  const html = renderHtml(cold, earlier, { utc: true });
  const found = elements(html.replace("<!doctype html>", ""), new Set(["meta"]));
  assert.equal(found.filter((name) => name === "svg").length, 1);
  assert.equal(found.filter((name) => name === "table").length, 4);
  assert.match(html, /<h1>Boot b0000005: llm load 2\.1x its p95<\/h1>/);
  assert.match(
    html,
    /<tr><td>llm<\/td><td>up<\/td><td class="r">300 ms<\/td><td class="r">0\.5 ms<\/td><td class="r">16\.8 s/,
  );
  assert.match(html, /default-src 'none'/);
  assert.match(html, /prefers-color-scheme: dark/);
  assert.doesNotMatch(html, /<script|<link|<img|@import|url\(|\b(?:src|href)=/);
  assert.deepEqual(html.match(/https?:\/\/[^"\s]*/g), ["http://www.w3.org/2000/svg"]); // a name, not an address
});

Deno.test("renderSvg() and renderHtml() escape what a record brings", () => {
  for (const text of [renderSvg(hostile()), renderHtml(hostile(), [])]) {
    assert.doesNotMatch(text, /<script|<img|<b>|<i>/);
  }
  elements(renderSvg(hostile()));
  assert.match(renderHtml(hostile(), []), /&quot;&gt;&lt;script&gt;alert\(1\)&lt;\/script&gt;/);
});
