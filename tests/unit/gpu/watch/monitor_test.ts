import assert from "node:assert/strict";
import { openGpu } from "../../../../lib/gpu/source/open.ts";
import { GpuMonitor } from "../../../../lib/gpu/watch/monitor.ts";
import { FakeClock } from "../../../support/fake_clock.ts";
import { gpuTest, noTools, type NvmlStandin, nvmlStandin } from "../../../support/gpu_standin.ts";

/** A monitor over the stand-in library; `lines` is what it logged, `next()` waits for the next look while polling. */
async function monitored(standin: NvmlStandin, deltasOnly = true) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const source = await openGpu({ index: 0, env: { ALEXA_NVML_PATH: standin.path }, clock, tools: noTools });
  assert.equal(source.kind, "nvml");
  let looked = Promise.withResolvers<void>();
  const counted = {
    ...source,
    kind: source.kind,
    description: source.description,
    snapshots: 0,
    async snapshot(signal?: AbortSignal) {
      counted.snapshots++;
      try {
        return await source.snapshot(signal);
      } finally {
        looked.resolve();
      }
    },
    computePids: (signal?: AbortSignal) => source.computePids(signal),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
  const monitor = new GpuMonitor({
    source: counted,
    clock,
    deltasOnly,
    log: (level, message) => lines.push(`${level} = ${message}`),
    commandOf: (pid) => `command ${pid}`,
  });
  const next = async (ms: number) => {
    looked = Promise.withResolvers();
    await clock.advance(ms);
    await looked.promise;
    await clock.settle();
  };
  const end = async () => {
    await monitor[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
    assert.equal(clock.pending, 0);
  };
  return { clock, lines, monitor, counted, next, [Symbol.asyncDispose]: end };
}

gpuTest("GpuMonitor.stage() looks once per stage and logs absolute and delta", async () => {
  using standin = nvmlStandin({ gpus: [{ usedMib: 300 }] });
  await using m = await monitored(standin);
  await m.monitor.stage("precheck");
  standin.set({ gpus: [{ usedMib: 812 }] });
  await m.clock.advance(1500);
  await m.monitor.stage("kwd");
  standin.set({ gpus: [{ usedMib: 700 }] });
  await m.monitor.stage("stt");
  assert.deepEqual(m.lines, [
    "INFO = VRAM after precheck: used 300 MiB of 24576 MiB (+0 MiB)",
    "INFO = VRAM after kwd: used 812 MiB of 24576 MiB (+512 MiB)",
    "INFO = VRAM after stt: used 700 MiB of 24576 MiB (-112 MiB)",
  ]);
  assert.equal(m.counted.snapshots, 3);
  assert.deepEqual(m.monitor.history, [
    { stage: "precheck", at_ms: 0, used_mib: 300, delta_mib: 0 },
    { stage: "kwd", at_ms: 1500, used_mib: 812, delta_mib: 512 },
    { stage: "stt", at_ms: 1500, used_mib: 700, delta_mib: -112 },
  ]);
});

gpuTest(
  "GpuMonitor polls and logs only changes beyond the threshold, counted from the last line",
  async () => {
    using standin = nvmlStandin({ gpus: [{ usedMib: 1000 }] });
    await using m = await monitored(standin);
    await m.monitor.stage("tts");
    m.monitor.startPolling(2000);
    for (const usedMib of [1030, 1063, 1070, 1070, 900]) {
      standin.set({ gpus: [{ usedMib }] });
      await m.next(2000);
    }
    assert.deepEqual(m.lines.slice(1), [
      "INFO = VRAM: used 1070 MiB of 24576 MiB (+70 MiB)",
      "INFO = VRAM: used 900 MiB of 24576 MiB (-170 MiB)",
    ]);
  },
);

gpuTest("GpuMonitor logs every poll when vram_log_deltas_only is off", async () => {
  using standin = nvmlStandin({ gpus: [{ usedMib: 1000 }] });
  await using m = await monitored(standin, false);
  m.monitor.startPolling(2000);
  await m.next(2000);
  await m.next(2000);
  assert.deepEqual(m.lines, Array(2).fill("INFO = VRAM: used 1000 MiB of 24576 MiB (+0 MiB)"));
});

gpuTest(
  "GpuMonitor tells once that the GPU is lost and once that it is back, and opens the driver anew",
  async () => {
    using standin = nvmlStandin({ gpus: [{ usedMib: 1000 }] });
    await using m = await monitored(standin);
    await m.monitor.stage("tts");
    m.monitor.startPolling(2000);
    standin.set({ gpus: [{}], errors: { nvmlDeviceGetMemoryInfo_v2: 15 } });
    await m.next(2000);
    standin.set({ gpus: [], errors: { nvmlInit_v2: 9 } }); // the driver is being reloaded
    await m.next(2000);
    await m.next(2000);
    assert.equal(m.lines.length, 2);
    assert.match(
      m.lines[1]!,
      /^WARNING = GPU lost: the GPU has fallen off the bus .*NVML_ERROR_GPU_IS_LOST\); see dmesg/,
    );
    assert.equal(m.monitor.lost?.code, 9);
    assert.equal(await m.monitor.stage("restart of llm"), null);
    standin.set({ gpus: [{ usedMib: 12 }] });
    await m.next(2000);
    assert.equal(
      m.lines.at(-1),
      "INFO = GPU is back: NVIDIA GeForce RTX 4090, driver 550.54.15, used 12 MiB of 24576 MiB",
    );
    assert.equal(m.monitor.lost, null);
    standin.set({ gpus: [{}], errors: { nvmlDeviceGetMemoryInfo_v2: 999 } });
    await m.next(2000);
    assert.match(m.lines.at(-1)!, /^WARNING = GPU lost: the driver had an internal error/);
  },
);

gpuTest("GpuMonitor.final() says what is missing from the baseline and who holds it", async () => {
  using standin = nvmlStandin({ gpus: [{ usedMib: 300, processes: [{ pid: 5, usedMib: 250 }] }] });
  await using m = await monitored(standin);
  await m.monitor.stage("precheck");
  m.monitor.startPolling(2000);
  standin.set({
    gpus: [{ usedMib: 1300, processes: [{ pid: 5, usedMib: 250 }, { pid: 4711, usedMib: 1000 }] }],
  });
  assert.deepEqual(await m.monitor.final(), {
    usedMib: 1300,
    missingMib: 1000,
    heldBy: "pid 4711 (command 4711) 1000 MiB",
  });
  assert.deepEqual(m.lines.slice(1), [
    "INFO = VRAM at the end: used 1300 MiB of 24576 MiB (+1000 MiB since the start)",
    "WARNING = VRAM not given back: 1000 MiB more than at the start; held by pid 4711 (command 4711) 1000 MiB",
  ]);
});

gpuTest("GpuMonitor.final() is content when all is back", async () => {
  using standin = nvmlStandin({ gpus: [{ usedMib: 300 }] });
  await using m = await monitored(standin);
  await m.monitor.stage("precheck");
  standin.set({ gpus: [{ usedMib: 310 }] });
  assert.deepEqual(await m.monitor.final(), { usedMib: 310, missingMib: 0, heldBy: "" });
  assert.equal(m.lines.length, 2);
});

Deno.test("GpuMonitor does nothing at all without a GPU", async () => {
  const clock = new FakeClock();
  const env = { ALEXA_NVML_PATH: "/nonexistent/libnvidia-ml.so.1" };
  await using source = await openGpu({ index: 0, env, clock, tools: noTools });
  const lines: string[] = [];
  await using monitor = new GpuMonitor({ source, clock, deltasOnly: false, log: (_, m) => lines.push(m) });
  assert.equal(await monitor.stage("kwd"), null);
  monitor.startPolling(10);
  await clock.advance(100);
  assert.equal(await monitor.final(), null);
  assert.deepEqual([lines, monitor.history, clock.pending], [[], [], 0]);
});
