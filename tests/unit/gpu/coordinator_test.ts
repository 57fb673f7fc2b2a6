import assert from "node:assert/strict";
import type { GpuFailure, GpuSnapshot, GpuSource } from "../../../lib/gpu/types.ts";
import { Log } from "../../../lib/log/mod.ts";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import { GpuCoordinator, type GpuPlan } from "../../../lib/gpu/coordinator.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { servicePlan } from "../../support/fake_service.ts";
import { lost, shot } from "./snapshots.ts";

/** A desk whose GPU answers what `now` says, and one supervisor, llm, with the pids in `pids`. */
function made(service: Partial<ServicePlan> = {}, leakLimits?: { minSpanMs: number; minGrowthMib: number }) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = new Log({ dir: null, console: null, clock });
  log.observe((entry) => lines.push(`${entry.tag} ${entry.level} = ${entry.message}`));
  const stop = new AbortController();
  const gpu = {
    now: shot(300) as GpuSnapshot | GpuFailure,
    hangs: false,
    asked: 0,
    pids: new Set([20]) as Set<number>,
    stages: [] as [string, number][],
  };
  const answer = async (signal?: AbortSignal) => {
    gpu.asked++;
    signal?.throwIfAborted();
    if (!gpu.hangs) return "failure" in gpu.now ? gpu.now : { ...gpu.now, at: clock.now() };
    return await new Promise<never>((_, reject) =>
      signal!.addEventListener("abort", () => reject(signal!.reason), { once: true })
    );
  };
  const source: GpuSource = {
    kind: "nvml",
    description: "NVIDIA GeForce RTX 4090, driver 550.54",
    driver: "550.54",
    reasons: [],
    snapshot: answer,
    computePids: () => Promise.resolve([]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const plan: GpuPlan = {
    gpu: { index: 0, pollMs: 1000, deltasOnly: true, waitMs: 3000, onShort: "fail" },
    services: [],
  };
  const desk = new GpuCoordinator(plan, {
    clock,
    log,
    startedAt: 0,
    signal: stop.signal,
    records: [],
    trees: () => new Map([["llm", gpu.pids]]),
    emit: (fact) => fact.fact === "vram" && gpu.stages.push([fact.stage, fact.usedMib]),
    ...(leakLimits ? { leakLimits: { ...leakLimits, minSlope: 1 } } : {}),
  }, source);
  const supervisor = {
    name: "llm",
    plan: servicePlan("llm", { gpu: "required", vramMb: 5000, ...service }),
    service: { external: false, copy: null as { processTree(): Set<number> } | null },
    state: { restarts: [] as number[] },
  };
  const end = async () => {
    await desk[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
    await log[Symbol.asyncDispose]();
  };
  const signal = new AbortController().signal;
  const up = () => supervisor.service.copy = { processTree: () => gpu.pids };
  return {
    clock,
    lines,
    stop,
    gpu,
    desk,
    supervisor,
    state: supervisor.state,
    up,
    signal,
    [Symbol.asyncDispose]: end,
  };
}

Deno.test("GpuCoordinator.stage() holds the gate for a second at most and says that it skipped", async () => {
  await using t = made();
  await t.desk.stage("precheck");
  t.gpu.hangs = true;
  await t.clock.advance(500);
  let over = false;
  const stage = t.desk.stage("stt").then(() => over = true);
  await t.clock.advance(900);
  assert.equal(over, false);
  await t.clock.advance(100);
  await stage;
  assert.deepEqual(t.lines, [
    "LOADER INFO = VRAM after precheck: used 300 MiB of 24576 MiB (+0 MiB)",
    "LOADER INFO = VRAM after stt: skipped, the GPU did not answer within 1 s",
  ]);
  assert.deepEqual(t.gpu.stages, [["precheck", 300]]);
});

Deno.test("GpuCoordinator.stage() tells of a lost GPU once, and of each stage that has no figures", async () => {
  await using t = made();
  t.gpu.now = lost;
  await t.desk.stage("kwd");
  await t.desk.stage("stt");
  assert.deepEqual(t.lines, [
    "LOADER WARNING = GPU lost: the GPU has fallen off the bus",
    "LOADER INFO = VRAM after stt: skipped, the GPU is lost",
  ]);
});

Deno.test("GpuCoordinator takes one look for the proof, the stage and the next start of the same moment", async () => {
  await using t = made();
  await t.desk.beforeStart(t.supervisor, t.signal);
  await t.clock.advance(1000);
  t.up();
  t.gpu.now = shot(5300, { 20: 5000 });
  t.gpu.asked = 0;
  assert.equal(await t.desk.beforeUp(t.supervisor, t.signal), null);
  await t.desk.stage("llm");
  assert.equal(t.gpu.asked, 1);
  assert.equal(t.desk.heldBy("llm"), 5000);
});

Deno.test("GpuCoordinator.stage() takes no look from before a start, however quick the boot was", async () => {
  await using t = made({ gpu: "none" });
  await t.desk.stage("llm");
  await t.clock.advance(10);
  await t.desk.beforeStart(t.supervisor, t.signal);
  t.gpu.now = shot(556);
  await t.clock.advance(20);
  await t.desk.stage("tts");
  assert.deepEqual(t.gpu.stages, [["llm", 300], ["tts", 556]]);
});

Deno.test("GpuCoordinator.afterStop() waits for what was held before the stop, also if a look came between", async () => {
  await using t = made();
  t.up();
  t.gpu.now = shot(5300, { 20: 5000 });
  t.desk.startPolling();
  await t.clock.advance(1000);
  t.gpu.now = shot(5300); // its process is gone from the list, its memory is not back
  t.desk.beforeStop(t.supervisor);
  await t.clock.advance(1000);
  let over = false;
  const settled = t.desk.afterStop(t.supervisor).then(() => over = true);
  await t.clock.advance(400);
  assert.equal(over, false, "it did not wait");
  t.gpu.now = shot(300);
  await t.clock.advance(500);
  await settled;
  assert.ok(!t.lines.some((line) => line.startsWith("LLM WARNING")), t.lines.join("\n"));
});

Deno.test("GpuCoordinator.afterStop() gives up after 5 s with a WARNING, and at once when the loader stops", async () => {
  await using t = made();
  t.up();
  t.gpu.now = shot(5300, { 20: 5000 });
  await t.desk.stage("llm");
  t.desk.beforeStop(t.supervisor);
  t.gpu.now = shot(5300);
  const settled = t.desk.afterStop(t.supervisor);
  await t.clock.advance(5000);
  await settled;
  assert.equal(t.lines.at(-1), "LLM WARNING = 5000 MiB of VRAM of llm are not back after 5.0 s");

  await using u = made();
  u.up();
  u.gpu.now = shot(300);
  await u.desk.stage("precheck");
  await u.clock.advance(1000);
  u.gpu.now = shot(5300, { 20: 5000 });
  await u.desk.stage("llm");
  u.stop.abort(new DOMException("the loader is stopping", "AbortError"));
  u.desk.beforeStop(u.supervisor);
  u.gpu.now = shot(5300);
  await u.desk.afterStop(u.supervisor); // no time passes
  const final = u.desk.final();
  await u.clock.advance(200);
  u.gpu.now = shot(300);
  await u.clock.advance(1000);
  await final;
  assert.equal(
    u.lines.at(-1),
    "LOADER INFO = VRAM at the end: used 300 MiB of 24576 MiB (+0 MiB since the start)",
  );
});

Deno.test("GpuCoordinator.final() does not wait after a second signal", async () => {
  await using t = made();
  t.up();
  await t.desk.stage("precheck");
  await t.clock.advance(1000);
  t.gpu.now = shot(5300, { 20: 5000 });
  await t.desk.stage("llm");
  t.stop.abort(new DOMException("the loader is stopping", "AbortError"));
  t.desk.beforeStop(t.supervisor);
  t.gpu.now = shot(5300);
  await t.desk.afterStop(t.supervisor);
  await t.desk.final(AbortSignal.abort());
  assert.match(t.lines.at(-1)!, /^LOADER WARNING = VRAM not given back: 5000 MiB more than at the start; /);
});

Deno.test("GpuCoordinator.beforeStart() refuses what does not fit where the configuration says fail", async () => {
  await using t = made();
  t.gpu.now = shot(20000, { 99: 19000 });
  await assert.rejects(t.desk.beforeStart(t.supervisor, t.signal), (error: Error & { code?: string }) => {
    assert.equal(error.code, "vram_short");
    assert.match(error.message, /^VRAM short for llm: it needs 5000 MiB \(vram_mb\), 4576 MiB of 24576 MiB/);
    return true;
  });
});

Deno.test("GpuCoordinator.beforeUp() asks for one restart where the GPU is required, and keeps what no restart is left for", async () => {
  await using t = made();
  await t.desk.beforeStart(t.supervisor, t.signal);
  t.up();
  assert.deepEqual(await t.desk.beforeUp(t.supervisor, t.signal), {
    kind: "on_cpu",
    detail: "it holds 0 MiB of VRAM, about 5000 MiB were expected",
  });
  assert.equal(await t.desk.beforeUp(t.supervisor, t.signal), null);
  assert.equal(t.desk.isOnCpu("llm"), true);
  assert.match(t.lines.at(-1)!, /^LLM WARNING = READY ON CPU: /);
  t.desk.beforeStop(t.supervisor);
  assert.equal(t.desk.isOnCpu("llm"), false);

  await using u = made();
  u.up();
  u.state.restarts.push(0, 0, 0);
  assert.equal(await u.desk.beforeUp(u.supervisor, u.signal), null);
  assert.equal(u.desk.isOnCpu("llm"), true);
});

Deno.test("GpuCoordinator tells a leak once per life of a service, with figures", async () => {
  await using t = made({}, { minSpanMs: 20_000, minGrowthMib: 100 });
  t.up();
  t.desk.startPolling();
  const leaks = () => t.lines.filter((line) => /grows by/.test(line));
  const grow = async (from: number) => {
    for (let i = 0; i <= 30; i++) {
      t.gpu.now = shot(from + i * 10, { 20: from + i * 10 });
      await t.clock.advance(1000);
    }
  };
  await grow(1000);
  assert.equal(leaks().length, 1, t.lines.join("\n"));
  assert.match(
    leaks()[0]!,
    /^LOADER WARNING = VRAM of llm grows by 36000 MiB per hour: 1000 MiB to 12\d0 MiB in 0\.0 h; the GPU is full in about 1 h$/,
  );
  await grow(1300);
  assert.equal(leaks().length, 1);
  t.desk.beforeStop(t.supervisor); // the next copy is judged by itself
  t.gpu.now = shot(0);
  const settled = t.desk.afterStop(t.supervisor);
  await t.clock.advance(500);
  await settled;
  await t.desk.beforeStart(t.supervisor, t.signal);
  await grow(1000);
  assert.equal(leaks().length, 2);
});

Deno.test("GpuCoordinator forgets figures while the GPU is lost", async () => {
  await using t = made();
  t.up();
  t.gpu.now = shot(5300, { 20: 5000 });
  await t.desk.stage("llm");
  assert.deepEqual([t.desk.heldBy("llm"), t.desk.summary()?.used_mib], [5000, 5300]);
  assert.equal(t.desk.signOfWork(t.supervisor), "its processes use the GPU (7 %)");
  t.gpu.now = lost;
  await t.clock.advance(1000);
  await t.desk.stage("tts");
  assert.deepEqual([t.desk.heldBy("llm"), t.desk.summary()?.used_mib], [null, null]);
  assert.equal(t.desk.signOfWork(t.supervisor), null);
});
