import assert from "node:assert/strict";
import { bytes, duration, percent, signed, timestamp } from "../../../lib/ui/units.ts";

Deno.test("duration() has three digits or so, and the unit that fits", () => {
  const figures = [
    null,
    0,
    0.4,
    9.94,
    9.96,
    420,
    999.4,
    999.6,
    1420,
    9994,
    9996,
    15_123,
    59_949,
    59_951,
    125_000,
    -30,
  ];
  assert.deepEqual(figures.map(duration), [
    "-",
    "0.0 ms",
    "0.4 ms",
    "9.9 ms",
    "10 ms",
    "420 ms",
    "999 ms",
    "1.00 s",
    "1.42 s",
    "9.99 s",
    "10.0 s",
    "15.1 s",
    "59.9 s",
    "1 min 00 s",
    "2 min 05 s",
    "-30 ms",
  ]);
});

Deno.test("signed(), bytes(), percent() and timestamp()", () => {
  assert.deepEqual([1200, -30, 0].map(signed), ["+1.20 s", "-30 ms", "0.0 ms"]);
  assert.deepEqual([null, 0, 512, 3_565_158, 512 << 20, 5e13].map(bytes), [
    "-",
    "0 B",
    "512 B",
    "3.4 MiB",
    "512 MiB",
    "45.5 TiB",
  ]);
  assert.deepEqual([null, 0, 0.834, 1].map(percent), ["-", "0 %", "83 %", "100 %"]);
  assert.equal(timestamp("2026-01-02T10:00:00.123Z", true), "2026-01-02 10:00:00");
  assert.equal(timestamp("2026-01-02T10:00:00+02:00", true), "2026-01-02 08:00:00");
  const local = new Date(2026, 5, 7, 8, 9, 10); // in whatever zone the test runs
  assert.equal(timestamp(local.toISOString()), "2026-06-07 08:09:10");
  assert.equal(timestamp("soon"), "soon");
});
