import assert from "node:assert/strict";
import { bootEnd, criticalChain, ownTime } from "../../../lib/metrics/chain.ts";
import type { BootRecord, Span } from "../../../lib/model/boot_record.ts";
import { bootRecord } from "../../support/boot_records.ts";

function withSpans(total: number | null, spans: [name: string, at: number, ms: number][]): BootRecord {
  const made = spans.map(([name, at_ms, ms]): Span => {
    const service = /^(kwd|stt|llm|tts)\./.exec(name)?.[1] ?? null;
    return { name, service, at_ms, ms };
  });
  return { ...bootRecord(1), total_boot_ms: total, spans: made };
}

const names = (record: BootRecord) => criticalChain(record).map(({ name }) => name);

Deno.test("criticalChain() goes from gate to gate, past what overlapped and past the greeting", () => {
  assert.deepEqual(
    criticalChain(bootRecord(1)).map(({ name, wait_ms }) => [name, wait_ms]),
    [
      ["precheck", 40],
      ["kwd.ready", 1],
      ["kwd.warmup", 0],
      ["stt.ready", 2],
      ["stt.warmup", 0],
      ["llm.ready", 2],
      ["llm.warmup", 0],
      ["tts.ready", 2],
      ["tts.warmup", 0],
    ],
  );
});

Deno.test("criticalChain() holds a prepare only where the boot waited for it", () => {
  const waited = withSpans(1000, [
    ["kwd.ready", 50, 250],
    ["stt.prepare", 60, 640],
    ["stt.ready", 701, 299],
  ]);
  assert.deepEqual(criticalChain(waited).map(({ name, at_ms, ms }) => [name, at_ms, ms]), [
    ["kwd.ready", 50, 250],
    ["stt.prepare", 300, 400],
    ["stt.ready", 701, 299],
  ]);
  assert.equal(ownTime(waited).ms, 51);
  const beside = withSpans(1000, [
    ["kwd.ready", 50, 640],
    ["stt.prepare", 60, 631],
    ["stt.ready", 692, 308],
  ]);
  assert.deepEqual(names(beside), ["kwd.ready", "stt.ready"]);
});

Deno.test("criticalChain() shows failed attempts and backoff, and no span that goes around the services", () => {
  const record = withSpans(1000, [
    ["sequence", 40, 958],
    ["kwd.ready", 50, 100],
    ["kwd.backoff", 151, 500],
    ["kwd.ready", 652, 340],
  ]);
  assert.deepEqual(names(record), ["kwd.ready", "kwd.backoff", "kwd.ready"]);
});

Deno.test("criticalChain() of a boot that failed ends with the last thing known; of an empty record it is empty", () => {
  const failed = withSpans(null, [["precheck", 10, 5], ["kwd.ready", 20, 400]]);
  assert.equal(bootEnd(failed), 420);
  assert.deepEqual(names(failed), ["precheck", "kwd.ready"]);
  assert.deepEqual(names(withSpans(null, [])), []);
  assert.deepEqual(ownTime(withSpans(300, [])), { ms: 300, before_ms: 300, between_ms: 0, after_ms: 0 });
});

Deno.test("ownTime() is what no service accounts for", () => {
  assert.deepEqual(ownTime(bootRecord(1)), { ms: 53, before_ms: 45, between_ms: 6, after_ms: 2 });
  const record = withSpans(1000, [["precheck", 20, 10], ["kwd.ready", 40, 400], ["hygiene", 445, 10], [
    "stt.ready",
    460,
    500,
  ]]);
  assert.deepEqual(ownTime(record), { ms: 100, before_ms: 40, between_ms: 20, after_ms: 40 });
});
