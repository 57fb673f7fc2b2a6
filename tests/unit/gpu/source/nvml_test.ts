import assert from "node:assert/strict";
import { systemClock } from "../../../../lib/sys/clock.ts";
import { openNvml } from "../../../../lib/sys/nvml.ts";
import { nvmlCodes, nvmlFailure } from "../../../../lib/gpu/source/errors.ts";
import { NvmlSource, openNvmlSource } from "../../../../lib/gpu/source/nvml.ts";
import { type GpuSnapshot, isGpuFailure } from "../../../../lib/gpu/types.ts";
import { gpuTest, type NvmlStandin, nvmlStandin } from "../../../support/gpu_standin.ts";

const choice = { index: 0, visible: undefined, variable: "CUDA_VISIBLE_DEVICES", clock: systemClock };
const source = (standin: NvmlStandin, limitMs?: number) =>
  new NvmlSource({ ...choice, path: standin.path, limitMs });

function good(answer: unknown): GpuSnapshot {
  assert.ok(!isGpuFailure(answer as object), JSON.stringify(answer));
  return answer as GpuSnapshot;
}

gpuTest(
  "NvmlSource.snapshot() reads everything of a GPU through the second versions of the calls",
  async () => {
    using standin = nvmlStandin({
      driver: "550.54",
      gpus: [{
        usedMib: 5000,
        reservedMib: 300,
        utilisation: 37,
        temperatureC: 61,
        processes: [
          { pid: 4711, usedMib: 4500 },
          { pid: 4712, usedMib: null },
          { pid: 4711, usedMib: 4500, kind: "graphics" },
          { pid: 99, usedMib: 64, kind: "graphics" },
        ],
      }],
    });
    await using gpu = source(standin);
    const { gpus } = good(await gpu.snapshot());
    assert.deepEqual(gpus, [{
      index: 0,
      uuid: "GPU-00000000-aaaa-bbbb-cccc-dddddddddddd",
      name: "NVIDIA GeForce RTX 4090",
      totalMib: 24576,
      usedMib: 5000,
      freeMib: 24576 - 5300,
      utilisation: 37,
      temperatureC: 61,
      processes: [
        { pid: 4711, usedMib: 4500, kind: "compute" },
        { pid: 4712, usedMib: null, kind: "compute" },
        { pid: 99, usedMib: 64, kind: "graphics" },
      ],
      processesKnown: true,
    }]);
    assert.equal(gpu.description, "NVIDIA GeForce RTX 4090, driver 550.54");
    assert.deepEqual(await gpu.computePids(), [4711, 4712]);
  },
);

gpuTest("NvmlSource.snapshot() falls back to the first versions in an old driver", async () => {
  using standin = nvmlStandin({
    gpus: [{
      usedMib: 1000,
      reservedMib: 200,
      processes: [{ pid: 7, usedMib: 900 }, { pid: 8, usedMib: 100 }],
    }],
  }, ["OLD"]);
  await using gpu = source(standin);
  const first = good(await gpu.snapshot()).gpus[0]!;
  assert.equal(first.usedMib, 1200); // the first version counts what the driver keeps for itself as used
  assert.equal(first.freeMib, 24576 - 1200);
  assert.deepEqual(first.processes.map((p) => [p.pid, p.usedMib]), [[7, 900], [8, 100]]);
});

gpuTest(
  "NvmlSource.snapshot() uses the first version of the memory call where the second is refused",
  async () => {
    for (const code of [3, 13, 25]) {
      using standin = nvmlStandin({ gpus: [{ usedMib: 10 }], errors: { nvmlDeviceGetMemoryInfo_v2: code } });
      await using gpu = source(standin);
      assert.equal(good(await gpu.snapshot()).gpus[0]!.usedMib, 10, `code ${code}`);
    }
  },
);

gpuTest("NvmlSource.snapshot() reads drivers that fill 32 bytes per process", async () => {
  using standin = nvmlStandin({
    gpus: [{ usedMib: 600, processes: [1, 2, 3].map((n) => ({ pid: 100 + n, usedMib: n * 100 })) }],
  }, ["WIDE"]);
  await using gpu = source(standin);
  const first = good(await gpu.snapshot()).gpus[0]!;
  assert.deepEqual(first.processes.map((p) => [p.pid, p.usedMib]), [[101, 100], [102, 200], [103, 300]]);
});

gpuTest("NvmlSource.snapshot() grows its buffer until all processes fit", async () => {
  const processes = Array.from({ length: 1000 }, (_, i) => ({ pid: i + 1, usedMib: 1 }));
  using standin = nvmlStandin({ gpus: [{ usedMib: 1000, processes }] });
  await using gpu = source(standin);
  assert.equal(good(await gpu.snapshot()).gpus[0]!.processes.length, 1000);
});

gpuTest(
  "NvmlSource.snapshot() leaves out what the GPU does not tell, and says that the process list is unknown",
  async () => {
    using standin = nvmlStandin({
      gpus: [{ usedMib: 10, utilisation: 5 }],
      errors: {
        nvmlDeviceGetUtilizationRates: 3,
        nvmlDeviceGetTemperature: 3,
        nvmlDeviceGetComputeRunningProcesses: 4,
        nvmlDeviceGetGraphicsRunningProcesses: 3,
      },
    });
    await using gpu = source(standin);
    const first = good(await gpu.snapshot()).gpus[0]!;
    assert.deepEqual(
      [first.utilisation, first.temperatureC, first.processes, first.processesKnown],
      [null, null, [], false],
    );
  },
);

gpuTest("NvmlSource chooses by index, by UUID and within CUDA_VISIBLE_DEVICES", async () => {
  using standin = nvmlStandin({
    gpus: [{ name: "A", uuid: "GPU-aaaa1111" }, { name: "B", uuid: "GPU-bbbb2222" }, {
      name: "C",
      uuid: "GPU-cccc3333",
    }],
  });
  const named = async (o: { index?: number | null; uuid?: string; visible?: string }) => {
    const opened = await openNvmlSource({ ...choice, path: standin.path, ...o });
    if (isGpuFailure(opened)) return opened.message;
    await using gpu = opened;
    return good(await gpu.snapshot()).gpus.map((g) => g.name).join("");
  };
  assert.equal(await named({ index: 1 }), "B");
  assert.equal(await named({ index: null }), "ABC");
  assert.equal(await named({ uuid: "GPU-cccc3333" }), "C");
  assert.equal(await named({ index: 0, visible: "2,0" }), "C");
  assert.equal(await named({ index: 1, visible: "2,0" }), "A");
  assert.equal(await named({ index: 0, visible: "GPU-bbbb" }), "B");
  assert.equal(await named({ visible: "" }), 'CUDA_VISIBLE_DEVICES="" hides all 3 GPUs');
  assert.equal(await named({ visible: "-1" }), 'CUDA_VISIBLE_DEVICES="-1" hides all 3 GPUs');
  assert.equal(await named({ index: 3 }), "gpu_index 3 is not there: 3 GPU(s)");
});

gpuTest("NvmlSource finds a slice that is only known by its UUID", async () => {
  using standin = nvmlStandin({ gpus: [{ name: "whole" }, { name: "slice", uuid: "MIG-12345678-0000" }] });
  const opened = await openNvmlSource({ ...choice, path: standin.path, visible: "MIG-12345678-0000" });
  assert.ok(!isGpuFailure(opened), JSON.stringify(opened));
  await using gpu = opened;
  assert.equal(good(await gpu.snapshot()).gpus[0]!.name, "slice");
});

gpuTest("NvmlSource answers every NVML code with one sentence and works again afterwards", async (t) => {
  using standin = nvmlStandin();
  for (const code of [...nvmlCodes, 777]) {
    if (code === 3 || code === 13 || code === 25) continue; // these fall back, see above
    await t.step(`code ${code}`, async () => {
      standin.set({ gpus: [{ usedMib: 1 }] });
      await using gpu = source(standin);
      good(await gpu.snapshot());
      standin.set({ gpus: [{ usedMib: 1 }], errors: { nvmlDeviceGetMemoryInfo_v2: code } });
      const failure = await gpu.snapshot();
      assert.ok(isGpuFailure(failure));
      assert.equal(failure.code, code);
      assert.match(
        failure.message,
        /^[a-z][^\n]+ \(nvmlDeviceGetMemoryInfo_v2: (NVML_ERROR_[A-Z_]+|code 777)\)$/i,
      );
      assert.ok(failure.hint && !failure.hint.includes("\n"));
      standin.set({ gpus: [{ usedMib: 2 }] });
      assert.equal(good(await gpu.snapshot()).gpus[0]!.usedMib, 2);
    });
  }
});

gpuTest("openNvmlSource() says what nvmlInit_v2 answered, for every code", async () => {
  using standin = nvmlStandin();
  for (const code of nvmlCodes) {
    standin.set({ gpus: [{}], errors: { nvmlInit_v2: code } });
    const failure = await openNvmlSource({ ...choice, path: standin.path });
    assert.ok(isGpuFailure(failure));
    assert.deepEqual(failure, nvmlFailure(code, "nvmlInit_v2"));
  }
});

gpuTest(
  "NvmlSource gives up on a driver that hangs, asks it nothing more, and goes on when it answers",
  async () => {
    using standin = nvmlStandin({ gpus: [{ usedMib: 5 }] });
    await using gpu = source(standin, 100);
    good(await gpu.snapshot());
    standin.set({ gpus: [{ usedMib: 6 }], delays: { nvmlDeviceGetMemoryInfo_v2: 400 } });
    const begin = performance.now();
    const slow = await gpu.snapshot();
    assert.ok(isGpuFailure(slow) && slow.failure === "timeout", JSON.stringify(slow));
    assert.ok(performance.now() - begin < 350, "it waited for the driver");
    const again = await gpu.snapshot();
    assert.ok(isGpuFailure(again) && again.failure === "timeout");
    standin.set({ gpus: [{ usedMib: 7 }] });
    let answer = await gpu.snapshot();
    for (let i = 0; i < 100 && isGpuFailure(answer); i++) {
      await systemClock.sleep(20);
      answer = await gpu.snapshot();
    }
    assert.equal(good(answer).gpus[0]!.usedMib, 7);
  },
);

gpuTest("NvmlSource.snapshot() rejects with the signal's reason and survives it", async () => {
  using standin = nvmlStandin({ gpus: [{ usedMib: 5 }], delays: { nvmlDeviceGetMemoryInfo_v2: 50 } });
  await using gpu = source(standin);
  const abort = new AbortController();
  const pending = gpu.snapshot(abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(pending, /enough/);
  assert.equal(good(await gpu.snapshot()).gpus[0]!.usedMib, 5);
});

gpuTest("NvmlSource keeps overlapping snapshots apart", async () => {
  using standin = nvmlStandin({ gpus: [{ usedMib: 5 }, { usedMib: 9 }] });
  await using gpu = new NvmlSource({ ...choice, index: null, path: standin.path });
  const answers = await Promise.all(Array.from({ length: 20 }, () => gpu.snapshot()));
  for (const answer of answers) assert.deepEqual(good(answer).gpus.map((g) => g.usedMib), [5, 9]);
});

gpuTest("openNvml() names the symbol that a library lacks", () => {
  using standin = nvmlStandin({ gpus: [{}] }, ["BROKEN"]);
  const opened = openNvml(standin.path);
  assert.deepEqual(opened, {
    failure: "unusable",
    path: standin.path,
    reason: "it lacks nvmlDeviceGetMemoryInfo",
  });
});

gpuTest("openNvml() names the architecture of a library for another machine", () => {
  using standin = nvmlStandin();
  const bytes = Deno.readFileSync(standin.path);
  bytes[18] = Deno.build.arch === "aarch64" ? 62 : 183;
  const path = `${standin.path}.other`;
  Deno.writeFileSync(path, bytes);
  const opened = openNvml(path);
  assert.ok("failure" in opened);
  const [theirs, ours] = Deno.build.arch === "aarch64" ? ["x86_64", "aarch64"] : ["aarch64", "x86_64"];
  assert.equal(opened.failure, "unusable");
  assert.equal(opened.reason, `it is built for ${theirs}, this program for ${ours}`);
});

Deno.test("openNvml() tells a missing library from a file that is none", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const missing = openNvml(`${folder}/libnvidia-ml.so.1`);
    assert.ok("failure" in missing && missing.failure === "missing", JSON.stringify(missing));
    for (const [name, text] of [["garbage.so", "x".repeat(100)], ["empty.so", ""]]) {
      Deno.writeTextFileSync(`${folder}/${name}`, text!);
      const opened = openNvml(`${folder}/${name}`);
      assert.ok("failure" in opened);
      assert.deepEqual([opened.failure, opened.reason], ["unusable", "it is no shared library"]);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("nvmlFailure() has a sentence of its own for every code of nvml.h", () => {
  const sentences = new Set(nvmlCodes.map((code) => nvmlFailure(code, "f").message));
  assert.equal(sentences.size, nvmlCodes.length);
  assert.deepEqual(nvmlCodes, [...Array.from({ length: 30 }, (_, i) => i + 1), 999]);
});
