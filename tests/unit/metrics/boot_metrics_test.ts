import assert from "node:assert/strict";
import { BootMetrics } from "../../../lib/metrics/boot_metrics.ts";
import type { BootRecord } from "../../../lib/model/boot_record.ts";
import type { PrepareReport } from "../../../lib/model/reports.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const report: PrepareReport = { kind: "standby", ms: 0, bytes: null, cachedShare: null, problem: null };

/** A metrics whose records are kept here. */
function made() {
  const clock = new FakeClock();
  const kept: BootRecord[] = [];
  const metrics = new BootMetrics({
    clock,
    startedAt: 0,
    facts: { boot: "7f3a", version: "1.0.0", config: "/c.yaml", deno: "2.9.6" },
    history: {
      path: "/boots.jsonl",
      records: [],
      warnings: [],
      append: async (record) => {
        kept.push(record);
        return null;
      },
    },
    greeting: {
      enabled: true,
      text: "Hi.",
      pauseDuringTts: true,
      resumeAfterMs: 150,
      timeoutMs: 5000,
      budgetMs: 500,
      outputLatencyMs: 0,
    },
    warn: (message) => assert.fail(message),
  });
  return { clock, kept, metrics };
}

Deno.test("BootMetrics makes a boot's record of its facts, and closes it when the greeting is over", async () => {
  const { clock, kept, metrics } = made();
  metrics.keep = true;
  const at = async (ms: number, ...facts: Parameters<BootMetrics["note"]>[0][]) => {
    await clock.advance(ms);
    facts.forEach((fact) => metrics.note(fact));
  };
  const stt = { service: "stt" };
  await at(10, { fact: "stage_begun", service: null, stage: "precheck" });
  await at(5, { fact: "stage_over", service: null, stage: "precheck" }, {
    fact: "gpu_open",
    description: "a GPU",
    driver: "550.54",
  });
  await at(0, { ...stt, fact: "stage_begun", stage: "start" });
  await at(1, { ...stt, fact: "stage_over", stage: "start" }, {
    ...stt,
    fact: "stage_begun",
    stage: "ready",
  });
  await at(100, { ...stt, fact: "prepared", report: { ...report, ms: 90 }, beganAt: 20 });
  await at(10, {
    ...stt,
    fact: "prepared",
    report: { ...report, kind: "files", ms: 80, bytes: 7, cachedShare: 0.5 },
    beganAt: 40,
  });
  await at(0, { ...stt, fact: "stage_over", stage: "ready" }, { ...stt, fact: "ready", ms: 111 });
  await at(0, { ...stt, fact: "state", from: "warming", to: "up", desired: "up" });
  await at(2, { ...stt, fact: "gate_passed", lagMs: 2 }, {
    fact: "vram",
    stage: "stt",
    usedMib: 300,
    deltaMib: 20,
  });
  await at(1000, {
    fact: "greeted",
    report: { outcome: "spoken", speakMs: 800, resumeAfterMs: 150, listening: true },
  });
  metrics.note({ ...stt, fact: "state", from: "up", to: "failed", desired: "up" }); // it is closed
  await metrics.written();
  assert.equal(kept.length, 1);
  const { outcome, services: [figures], spans, vram, versions, greeting } = kept[0]!;
  assert.equal(outcome, "ready");
  assert.equal(versions.driver, "550.54");
  assert.deepEqual({ ...figures }, {
    name: "stt",
    attempts: 1,
    outcome: "up",
    prepare_async_ms: 90,
    start_ms: 1,
    time_to_ready_ms: 111,
    warmup_ms: null,
    gate_lag_ms: 2,
    prepared_bytes: 7,
    cached_share: 0.5,
    adopted: false,
  });
  assert.deepEqual(spans.map(({ name, at_ms, ms }) => [name, at_ms, ms]), [
    ["precheck", 10, 5],
    ["stt.start", 15, 1],
    ["stt.ready", 16, 110],
    ["stt.prepare", 40, 80],
    ["greeting.speak", 178, 800],
    ["greeting.resume", 978, 150],
  ]);
  assert.deepEqual(vram, [{ stage: "stt", at_ms: 128, used_mib: 300, delta_mib: 20 }]);
  assert.equal(greeting.greeting_speak_ms, 800);
  assert.ok(greeting.over_budget, "800 ms of 500 ms");
});

Deno.test("BootMetrics ends a stage that was left for another one, or for good", async () => {
  const { clock, metrics } = made();
  const llm = { service: "llm" };
  const begin = async (stage: "start" | "ready" | "backoff" | "warmup") => {
    metrics.note({ ...llm, fact: "stage_begun", stage });
    await clock.advance(100);
  };
  for (const stage of ["start", "ready", "backoff", "start", "ready", "warmup"] as const) await begin(stage);
  metrics.note({ ...llm, fact: "state", from: "warming", to: "failed", desired: "up" });
  await clock.advance(5000);
  assert.deepEqual(metrics.recorder.record("degraded").spans.map(({ name, ms }) => [name, ms]), [
    ["llm.start", 100],
    ["llm.ready", 100],
    ["llm.backoff", 100],
    ["llm.start", 100],
    ["llm.ready", 100],
    ["llm.warmup", 100],
  ]);
});

Deno.test("BootMetrics keeps no record of a boot that changed nothing", async () => {
  const { kept, metrics } = made();
  metrics.close("stopped");
  await metrics.written();
  assert.deepEqual(kept, []);
});
