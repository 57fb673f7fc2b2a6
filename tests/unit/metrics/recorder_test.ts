import assert from "node:assert/strict";
import { checkRecord } from "../../../lib/metrics/record.ts";
import { BootRecorder } from "../../../lib/metrics/recorder.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const facts = { boot: "7f3a", version: "1.0.0", config: "/c.yaml", deno: "2.9.6" };

async function recorder(): Promise<{ clock: FakeClock; boot: BootRecorder }> {
  const clock = new FakeClock();
  await clock.advance(1000);
  return { clock, boot: new BootRecorder(clock, 960, facts) }; // the program started 40 ms ago
}

Deno.test("BootRecorder counts all times from the program's start", async () => {
  const { clock, boot } = await recorder();
  const span = boot.span("precheck");
  await clock.advance(3.14159);
  assert.equal(span.end(), 3.1);
  assert.equal(span.end(), 3.1);
  boot.add("config", null, 970, 975);
  const record = boot.record("failed");
  assert.equal(record.at, "2026-01-01T00:00:00.960Z");
  assert.deepEqual(record.spans, [
    { name: "config", service: null, at_ms: 10, ms: 5 },
    { name: "precheck", service: null, at_ms: 40, ms: 3.1 },
  ]);
});

Deno.test("BootRecorder sets a stage's figure when it is done, not when it is left", async () => {
  const { clock, boot } = await recorder();
  const llm = boot.service("llm");
  {
    using _failed = llm.stage("start");
    await clock.advance(5);
  }
  const start = llm.stage("start");
  await clock.advance(0.52);
  start.end();
  {
    using ready = llm.stage("ready");
    await clock.advance(250);
    ready.end();
  }
  const warmup = llm.stage("warmup");
  await clock.advance(30);
  warmup.end();
  llm.set({ outcome: "up", time_to_ready_ms: 250.52, prepared_bytes: 10, cached_share: 0.5 });
  const [figures] = boot.record("ready").services;
  assert.deepEqual(figures, {
    name: "llm",
    attempts: 2,
    outcome: "up",
    prepare_async_ms: null,
    start_ms: 0.5,
    time_to_ready_ms: 250.5,
    warmup_ms: 30,
    gate_lag_ms: null,
    prepared_bytes: 10,
    cached_share: 0.5,
    adopted: false,
  });
  const names = boot.record("ready").spans.map(({ name, ms }) => [name, ms]);
  assert.deepEqual(names, [["llm.start", 5], ["llm.start", 0.5], ["llm.ready", 250], ["llm.warmup", 30]]);
});

Deno.test("BootRecorder finds the lag behind each gate, not counting what overlaps", async () => {
  const { clock, boot } = await recorder();
  for (const name of ["kwd", "stt", "llm"]) {
    const service = boot.service(name);
    const ready = service.stage("ready");
    const prepare = name === "kwd" ? boot.service("stt").stage("prepare") : null;
    await clock.advance(100);
    ready.end();
    prepare?.end();
    const warmup = service.stage("warmup");
    await clock.advance(20);
    warmup.end();
    service.set({ outcome: "up" });
    await clock.advance(2.5);
  }
  boot.service("llm").set({ gate_lag_ms: 1.23 });
  const lags = boot.record("ready").services.map(({ name, gate_lag_ms }) => [name, gate_lag_ms]);
  assert.deepEqual(lags.map(([name, lag]) => [name, Math.round(Number(lag) * 10) / 10]), [
    ["kwd", 2.5],
    ["stt", 2.5],
    ["llm", 1.2],
  ]);
});

Deno.test("BootRecorder shows what hangs, with its length until now", async () => {
  const { clock, boot } = await recorder();
  boot.service("tts").stage("ready");
  await clock.advance(700);
  assert.deepEqual(boot.record("failed").spans, [{ name: "tts.ready", service: "tts", at_ms: 40, ms: 700 }]);
  assert.equal(boot.record("failed").services[0]!.outcome, "not_started");
  await clock.advance(100);
  assert.equal(boot.record("failed").spans[0]!.ms, 800);
});

Deno.test("BootRecorder keeps first readiness, first CUDA context, greeting, VRAM and driver", async () => {
  const { clock, boot } = await recorder();
  boot.cudaContext();
  boot.vram("kwd", 512, 512);
  await clock.advance(100);
  boot.cudaContext();
  assert.equal(boot.ready(), 140);
  await clock.advance(100);
  assert.equal(boot.ready(), 140);
  boot.greeting("spoken", { greeting_speak_ms: 940.04, kwd_resume_after_ms: 152 });
  boot.driver("570");
  const record = boot.record("ready");
  assert.equal(record.total_boot_ms, 140);
  assert.equal(record.first_cuda_context_ms, 40);
  assert.deepEqual(record.vram, [{ stage: "kwd", at_ms: 40, used_mib: 512, delta_mib: 512 }]);
  assert.deepEqual(record.greeting, {
    outcome: "spoken",
    greeting_speak_ms: 940,
    kwd_resume_after_ms: 152,
    over_budget: null,
  });
  assert.deepEqual(record.versions, { deno: "2.9.6", driver: "570" });
  assert.deepEqual(checkRecord(JSON.parse(JSON.stringify(record))), record);
});

Deno.test("BootRecorder stays within what a record may hold, however often a service crashes", async () => {
  const { boot } = await recorder();
  for (let i = 0; i < 10_000; i++) {
    boot.service("stt").stage("start").end();
    boot.vram("stt", 1, 0);
  }
  boot.add("before_all", null, 900, 890); // no reader would accept a record with a time below 0
  boot.service("stt").set({ gate_lag_ms: -3 });
  const record = boot.record("failed");
  assert.deepEqual(checkRecord(record), record);
  assert.equal(record.services[0]!.attempts, 10_000);
});
