import assert from "node:assert/strict";
import type { BootRecord } from "../../../lib/model/boot_record.ts";
import { verdict } from "../../../lib/metrics/verdict.ts";
import { bootRecord } from "../../support/boot_records.ts";

const usual = [1, 2, 3, 4, 5].map((n) => bootRecord(n));

function changed(slow: Record<string, number>, change: (record: BootRecord) => void = () => {}): BootRecord {
  const record = bootRecord(9, slow);
  change(record);
  return record;
}

Deno.test("verdict() of a boot like the others, of the first ones, and of a fast one", () => {
  assert.equal(verdict(bootRecord(9), usual), "as usual");
  assert.equal(verdict(bootRecord(9), []), "first boot");
  assert.equal(verdict(changed({ llm: 3 }), usual.slice(0, 2)), "ok (2 boots to compare with)");
  assert.equal(verdict(changed({ llm: 0.3 }), usual), "fast: 0.6x the median");
});

Deno.test("verdict() names the slowest stage and why", () => {
  assert.equal(verdict(changed({ llm: 2.1 }), usual), "llm load 2.1x its p95");
  const cold = changed({ llm: 2.1 }, (record) => record.services[2]!.cached_share = 0.1);
  assert.equal(verdict(cold, usual), "llm load 2.1x its p95, page cache cold");
  const bare = changed({ stt: 3 }, (record) => record.services[1]!.prepared_bytes = null);
  assert.equal(verdict(bare, usual), "stt load 3.0x its p95, not prepared this time");
  const both = changed({ llm: 2, tts: 2 }, (record) => {
    record.version = "1.1.0";
    record.versions.driver = "580.1";
    record.services[2]!.attempts = 2;
  });
  assert.equal(
    verdict(both, usual),
    "llm load 2.0x its p95, 2 attempts, driver 570.86 -> 580.1, loader 1.0.0 -> 1.1.0, 1 other stage slow",
  );
  const warm = changed({}, (record) => record.services[3]!.warmup_ms = 5000);
  assert.equal(verdict(warm, usual), "tts warm-up 10x its p95");
});

Deno.test("verdict() has words for a stage that used to take next to nothing", () => {
  const none = usual.map((record) => ({
    ...record,
    services: record.services.map((s) => ({ ...s, warmup_ms: 0 })),
  }));
  assert.match(verdict(bootRecord(9), none), /^tts warm-up over 100x its p95/);
});

Deno.test("verdict() does not make much of small differences", () => {
  assert.equal(verdict(changed({ kwd: 1.23 }), usual), "as usual"); // 97 ms, however large the part
  assert.equal(verdict(changed({ llm: 1.2 }), usual), "as usual");
});

Deno.test("verdict() sees the loader's own time", () => {
  const late = changed({}, (record) => {
    record.total_boot_ms! += 2000;
  });
  assert.equal(verdict(late, usual), "loader's own time 39x its p95");
});

Deno.test("verdict() says what failed, and what needed more than one attempt", () => {
  const tts = (outcome: BootRecord["outcome"]) =>
    changed({}, (record) => {
      record.outcome = outcome;
      Object.assign(record.services[3]!, { outcome: "failed", attempts: 4 });
    });
  assert.equal(verdict(tts("degraded"), usual), "tts failed after 4 attempts");
  assert.equal(verdict(tts("stopped"), usual), "stopped before it was ready; tts failed after 4 attempts");
  assert.equal(verdict({ ...bootRecord(9), outcome: "stopped" }, usual), "stopped before it was ready");
  assert.equal(verdict({ ...bootRecord(9), outcome: "failed" }, usual), "failed, no service failed");
  assert.equal(
    verdict(changed({}, (record) => record.services[1]!.attempts = 2), usual),
    "stt took 2 attempts",
  );
});

Deno.test("verdict() leaves adopted services out on both sides", () => {
  const adopted = changed({ llm: 9 }, (record) => record.services[2]!.adopted = true);
  adopted.total_boot_ms = 14_053;
  assert.equal(/llm/.test(verdict(adopted, usual)), false);
  const others = usual.map((record) => ({
    ...record,
    services: record.services.map((s) => ({ ...s, adopted: true })),
  }));
  assert.equal(/ p95/.test(verdict(changed({ llm: 1.2 }), others)), false);
});
