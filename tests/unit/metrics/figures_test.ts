import assert from "node:assert/strict";
import { p95Line, percentile, readyTimes } from "../../../lib/metrics/figures.ts";
import type { BootRecord } from "../../../lib/model/boot_record.ts";
import { bootRecord } from "../../support/boot_records.ts";

const total = (n: number, ms: number | null, outcome: BootRecord["outcome"] = "ready"): BootRecord => ({
  ...bootRecord(n),
  total_boot_ms: ms,
  outcome,
});

Deno.test("percentile() takes the value of the nearest rank", () => {
  assert.equal(percentile([], 50), null);
  assert.equal(percentile([7], 0), 7);
  assert.equal(percentile([15, 20, 35, 40, 50], 30), 20);
  assert.equal(percentile([50, 15, 40, 20, 35], 40), 20);
  assert.equal(percentile([15, 20, 35, 40, 50], 50), 35);
  assert.equal(percentile([15, 20, 35, 40, 50], 95), 50);
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.deepEqual([0, 50, 95, 99, 100].map((p) => percentile(hundred, p)), [1, 50, 95, 99, 100]);
});

Deno.test("percentile() leaves its values in their order", () => {
  const values = [3, 1, 2];
  percentile(values, 50);
  assert.deepEqual(values, [3, 1, 2]);
});

Deno.test("p95Line() compares with up to five successful boots before", () => {
  assert.equal(p95Line([], 15_100), "total_boot=15.1s");
  assert.equal(p95Line([total(1, null, "failed"), total(2, 9000, "degraded")], 15_100), "total_boot=15.1s");
  assert.equal(p95Line([total(1, 16_800)], 15_100), "total_boot=15.1s (p95 last 1: 16.8s)");
  const six = [99_000, 16_000, 16_800, 15_000, 14_000, 13_000].map((ms, n) => total(n, ms));
  assert.equal(p95Line(six, 15_100), "total_boot=15.1s (p95 last 5: 16.8s)");
});

Deno.test("readyTimes() lists the services' times over the successful boots, newest last", () => {
  const second = bootRecord(2, { llm: 2 });
  second.services[0]!.adopted = true;
  second.services[1]!.outcome = "failed";
  second.services[3]!.time_to_ready_ms = null;
  const odd = bootRecord(3);
  odd.services[0]!.name = "constructor";
  const times = readyTimes([bootRecord(1), second, { ...bootRecord(9), outcome: "failed" }, odd]);
  assert.deepEqual({ ...times }, {
    kwd: [420],
    stt: [2600, 2600],
    llm: [8000, 16_000, 8000],
    tts: [1900, 1900],
    constructor: [420],
  });
  assert.equal(times["toString"], undefined);
});
