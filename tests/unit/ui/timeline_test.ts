import assert from "node:assert/strict";
import { tickLabel, ticks, timeline } from "../../../lib/ui/timeline.ts";
import { bootRecord } from "../../support/boot_records.ts";

Deno.test("timeline() lays every span out by its beginning and names its kind", () => {
  const { rows, end_ms, ready_ms } = timeline(bootRecord(1));
  assert.deepEqual(rows.slice(0, 5).map(({ label, kind }) => [label, kind]), [
    ["precheck", "loader"],
    ["kwd.start", "start"],
    ["kwd.ready", "ready"],
    ["stt.prepare", "prepare"],
    ["kwd.warmup", "warmup"],
  ]);
  assert.equal(rows.at(-1)?.kind, "greeting");
  assert.equal(ready_ms, 14_053);
  assert.equal(end_ms, 14_993);
});

Deno.test("timeline() of an empty record still has an axis", () => {
  const empty = { ...bootRecord(1), spans: [], total_boot_ms: null };
  assert.deepEqual(timeline(empty), { rows: [], end_ms: 1, ready_ms: null });
});

Deno.test("ticks() are round, and as many as fit", () => {
  assert.deepEqual(ticks(22_900, 5), [0, 5000, 10_000, 15_000, 20_000]);
  assert.deepEqual(ticks(300, 3), [0, 100, 200, 300]);
  assert.deepEqual(ticks(1, 4), [0, 0.5, 1]);
  for (const end of [1, 7, 99.9, 1000, 14_993, 3e6]) {
    for (const most of [1, 2, 5, 8]) {
      const found = ticks(end, most);
      assert.ok(found.length - 1 <= most && found.at(-1)! <= end, `${end} ${most}`);
    }
  }
  assert.deepEqual([0, 200, 500].map((ms) => tickLabel(ms, 700)), ["0", "200 ms", "500 ms"]);
  assert.deepEqual([0, 500, 1500].map((ms) => tickLabel(ms, 2000)), ["0", "0.5 s", "1.5 s"]);
});
