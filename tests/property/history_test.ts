/**
 * Whatever is in the history's file: no crash, no good record lost, and the next append works.
 * ALEXA_FUZZ_RUNS sets how many files are tried (1000).
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { percentile } from "../../lib/metrics/figures.ts";
import { HISTORY_FILE, openHistory } from "../../lib/metrics/history.ts";
import { checkRecord, parseRecord } from "../../lib/metrics/record.ts";
import type { BootRecord } from "../../lib/model/boot_record.ts";
import { renderDiff } from "../../lib/ui/boots_diff.ts";
import { renderBoot, renderBoots } from "../../lib/ui/boots_view.ts";
import { renderHtml } from "../../lib/ui/timeline_html.ts";
import { displayWidth } from "../../lib/ui/table.ts";
import { renderWaterfall } from "../../lib/ui/waterfall.ts";
import { bootRecord } from "../support/boot_records.ts";

const numRuns = Number(Deno.env.get("ALEXA_FUZZ_RUNS") ?? 1000);

function tempFolder(): Disposable & { path: string; file: string } {
  const path = Deno.makeTempDirSync();
  return {
    path,
    file: `${path}/${HISTORY_FILE}`,
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}

const encoder = new TextEncoder();

const line = (record: string): Uint8Array => encoder.encode(`${record}\n`);

/** Small records, so that thousands of files are cheap. */
const records: BootRecord[] = Array.from({ length: 6 }, (_, n) => {
  const record = bootRecord(n);
  return { ...record, spans: record.spans.slice(0, 2), services: record.services.slice(0, 1), vram: [] };
});
const lines = records.map((record) => line(JSON.stringify(record)));

function concat(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A file of good lines in which one line, or what lies between two, was changed; `hit` says which. */
interface Mutated {
  hit: number | null;
  bytes: Uint8Array;
}

const at = fc.nat({ max: lines.length - 1 });
const anyBytes = fc.uint8Array({ maxLength: 200 });
const mutated: fc.Arbitrary<Mutated> = fc.oneof(
  // some bytes of one line, overwritten by other values (never by a newline, which makes two lines of it)
  fc.record({
    hit: at,
    edits: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    }),
  })
    .map(({ hit, edits }) => {
      const own = lines[hit]!.slice();
      for (const [where, by] of edits) own[Math.floor(where * (own.length - 2))]! ^= by;
      return { hit, bytes: concat(lines.with(hit, own)) };
    }),
  // one line cut short, its rest and its newline gone
  fc.record({ hit: at, left: fc.double({ min: 0, max: 0.99, noNaN: true }) }).map(({ hit, left }) => {
    const own = lines[hit]!.subarray(0, Math.floor(left * (lines[hit]!.length - 2)));
    return { hit, bytes: concat(lines.with(hit, concat([own, encoder.encode("\n")]))) };
  }),
  // garbage as a line of its own
  fc.record({ before: at, garbage: anyBytes }).map(({ before, garbage }) => ({
    hit: null,
    bytes: concat(lines.toSpliced(before, 0, concat([garbage, encoder.encode("\n")]))),
  })),
  // anything that is JSON
  fc.record({ before: at, value: fc.json() }).map(({ before, value }) => ({
    hit: null,
    bytes: concat(lines.toSpliced(before, 0, line(value))),
  })),
);

Deno.test("openHistory() keeps every good record of a damaged file, and the next append mends it", async () => {
  using dir = tempFolder();
  const next = { ...records[0]!, boot: "next" };
  await fc.assert(
    fc.asyncProperty(mutated, fc.boolean(), async ({ hit, bytes }, mend) => {
      Deno.writeFileSync(dir.file, bytes);
      const history = openHistory(dir.path);
      const good = records.filter((_, n) => n !== hit);
      // The changed line may still be a record, of that boot or of another name.
      const ofGood = (found: readonly BootRecord[]) =>
        found.filter(({ boot }) => [...good, next].some((record) => record.boot === boot));
      assert.deepEqual(ofGood(history.records), good);
      assert.ok(history.warnings.length <= 1);
      if (!mend) return;
      assert.equal(await history.append(next), null);
      const after = openHistory(dir.path);
      assert.deepEqual(ofGood(after.records), [...good, next]);
      assert.deepEqual(after.warnings.filter((warning) => warning.includes("damaged")), []);
    }),
    { numRuns },
  );
});

Deno.test("openHistory() and append() survive any bytes at all", async () => {
  using dir = tempFolder();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
      Deno.writeFileSync(dir.file, bytes);
      assert.deepEqual(openHistory(dir.path).records, []);
      assert.equal(await openHistory(dir.path).append(records[0]!), null);
      assert.deepEqual(openHistory(dir.path).records, [records[0]]);
    }),
    { numRuns: Math.ceil(numRuns / 5) },
  );
});

Deno.test("append() works after a truncation anywhere, and only the cut record is missing", async () => {
  using dir = tempFolder();
  const file = concat(lines.slice(0, 3));
  const ends = [0, 1, 2, 3].map((n) => lines.slice(0, n).reduce((sum, each) => sum + each.length, 0));
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: file.length }), async (length) => {
      Deno.writeFileSync(dir.file, file.subarray(0, length));
      const history = openHistory(dir.path);
      const whole = records.slice(0, ends.findLastIndex((end) => length >= end - (end > 0 ? 1 : 0))); // less the newline
      assert.deepEqual(history.records, whole);
      const torn = !ends.includes(length) && !ends.includes(length + 1);
      assert.equal(history.warnings.length, torn ? 1 : 0);
      assert.equal(await history.append(records[5]!), null);
      const after = openHistory(dir.path);
      assert.deepEqual(after.records, [...whole, records[5]]);
      assert.deepEqual(after.warnings, []);
    }),
    { numRuns: Math.ceil(numRuns / 5) },
  );
});

Deno.test("checkRecord() of anything is a record that every report can show, or none", () => {
  const sane = fc.oneof(
    fc.double({ min: 0, max: 1e5, noNaN: true }),
    fc.double({ min: 0, max: 9e14, noNaN: true }),
  );
  const figure = fc.oneof({ weight: 30, arbitrary: sane }, { weight: 1, arbitrary: fc.anything() });
  const noFigure = /NaN|Infinity|undefined/;
  let good = 0;
  const text = fc.string({ maxLength: 40, unit: "binary" });
  const mutation = fc.oneof(
    fc.record({ path: fc.constantFrom("boot", "config", "version"), value: text }),
    fc.record({ path: fc.constantFrom("total_boot_ms", "first_cuda_context_ms"), value: figure }),
    fc.record({
      path: fc.constantFrom("at", "services", "spans", "vram", "greeting", "versions"),
      value: fc.anything(),
    }),
  );
  const named = fc.record({
    name: fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom("__proto__", "constructor", "kwd.ready")),
    service: fc.option(fc.constantFrom("kwd", "__proto__", "toString")),
    at_ms: figure,
    ms: figure,
  });
  fc.assert(
    fc.property(fc.array(named, { maxLength: 8 }), fc.option(mutation, { freq: 1 }), (spans, change) => {
      const raw: Record<string, unknown> = { ...bootRecord(1), spans };
      if (change) raw[change.path] = change.value;
      const checked = checkRecord(raw);
      if (typeof checked === "string") return;
      good++;
      // A span may well be called NaN; none of our figures may be it.
      const saysIt = noFigure.test(JSON.stringify(checked));
      assert.deepEqual(parseRecord(JSON.stringify(checked)), checked);
      for (
        const text of [
          renderBoots([checked], { utc: true }),
          renderBoot(checked, [bootRecord(2)], { utc: true }),
          renderDiff(checked, bootRecord(2)),
        ]
      ) {
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
        if (!saysIt) assert.doesNotMatch(text, noFigure);
      }
      const wide = renderWaterfall(checked, { width: 40 }).split("\n").filter((line) =>
        displayWidth(line) > 40
      );
      assert.deepEqual(wide, []);
      const html = renderHtml(checked, []);
      assert.doesNotMatch(html, /<script/);
      if (!saysIt) assert.doesNotMatch(html, noFigure);
    }),
    { numRuns, examples: [[[{ name: "NaN", service: null, at_ms: 1, ms: 1 }], null]] },
  );
  assert.ok(good > numRuns / 10 - 10, `${good} of ${numRuns} were records: too few`); // else this shows nothing
});

Deno.test("percentile() is a value of the list, grows with p, and covers its share", () => {
  const list = fc.array(fc.double({ noNaN: true, min: 0, max: 1e9 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(list, fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (values, p, q) => {
      const low = percentile(values, Math.min(p, q))!, high = percentile(values, Math.max(p, q))!;
      assert.ok(values.includes(low) && values.includes(high) && low <= high);
      const notAbove = values.filter((value) => value <= low).length;
      const below = values.filter((value) => value < low).length;
      const share = (Math.min(p, q) / 100) * values.length;
      assert.ok(notAbove >= share - 1e-9);
      assert.ok(below < Math.max(share, 1e-9) + 1e-9 || below === 0);
    }),
    { numRuns },
  );
});
