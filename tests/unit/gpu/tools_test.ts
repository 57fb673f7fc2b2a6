import assert from "node:assert/strict";
import { systemClock } from "../../../lib/sys/clock.ts";
import { openGpu } from "../../../lib/gpu/source/open.ts";
import { type GpuSnapshot, isGpuFailure } from "../../../lib/gpu/types.ts";
import { parseGpus, parseProcesses } from "../../../lib/gpu/source/nvidia_smi.ts";
import { parseAmdProcesses, parseAmdSmi, parseRocmPids, parseRocmSmi } from "../../../lib/gpu/source/amd.ts";
import { gpuTest, noTools, nvmlStandin, toolStandin } from "../../support/gpu_standin.ts";
import { withProcesses } from "../../support/with_processes.ts";

const noNvml = { ALEXA_NVML_PATH: "/nonexistent/libnvidia-ml.so.1" };
const base = { index: 0, env: noNvml, clock: systemClock };
const uuid = "GPU-11111111-2222-3333-4444-555555555555";
const gpus = `0, ${uuid}, 24564, 1200, 23000, 7, 45, 550.54.15, NVIDIA GeForce RTX 4090\n` +
  `1, GPU-66666666, 8192, 10, 8000, [N/A], [Not Supported], 550.54.15, Quadro, the other\n`;
const processes = `${uuid}, 4711, 1100\n${uuid}, 4712, [N/A]\nGPU-66666666, 99, 5\n`;

function good(answer: unknown): GpuSnapshot {
  assert.ok(!isGpuFailure(answer as object), JSON.stringify(answer));
  return answer as GpuSnapshot;
}

withProcesses.test("openGpu() falls back to nvidia-smi and says why", async () => {
  using smi = toolStandin("nvidia-smi", { "gpus.csv": gpus, "processes.csv": processes });
  await using gpu = await openGpu({ ...base, tools: { ...noTools, nvidiaSmi: smi.path } });
  assert.equal(gpu.kind, "nvidia-smi");
  assert.equal(gpu.description, "NVIDIA GeForce RTX 4090, driver 550.54.15");
  assert.deepEqual(gpu.reasons, ["there is no /nonexistent/libnvidia-ml.so.1"]);
  assert.deepEqual(good(await gpu.snapshot()).gpus, [{
    index: 0,
    uuid,
    name: "NVIDIA GeForce RTX 4090",
    totalMib: 24564,
    usedMib: 1200,
    freeMib: 23000,
    utilisation: 7,
    temperatureC: 45,
    processes: [{ pid: 4711, usedMib: 1100, kind: "compute" }, { pid: 4712, usedMib: null, kind: "compute" }],
    processesKnown: true,
  }]);
  assert.deepEqual(await gpu.computePids(), [4711, 4712, 99]);
});

withProcesses.test("openGpu() reads what nvidia-smi cannot tell as unknown, and honours CUDA_VISIBLE_DEVICES", async () => {
  using smi = toolStandin("nvidia-smi", { "gpus.csv": gpus, "processes.csv": "" });
  const env = { ...noNvml, CUDA_VISIBLE_DEVICES: "1" };
  await using gpu = await openGpu({ ...base, env, tools: { ...noTools, nvidiaSmi: smi.path } });
  const only = good(await gpu.snapshot()).gpus[0]!;
  assert.deepEqual(
    [only.index, only.name, only.utilisation, only.temperatureC, only.processes],
    [1, "Quadro, the other", null, null, []],
  );
});

withProcesses.test("the nvidia-smi source tells each kind of failure in one sentence and works again afterwards", async () => {
  using smi = toolStandin("nvidia-smi", { "gpus.csv": gpus, "processes.csv": processes });
  await using gpu = await openGpu({
    ...base,
    tools: { ...noTools, nvidiaSmi: smi.path },
    limits: { toolMs: 300 },
  });
  const failure = async (files: Record<string, string>) => {
    smi.set(files);
    const answer = await gpu.snapshot();
    assert.ok(isGpuFailure(answer), JSON.stringify(answer));
    smi.set(Object.fromEntries(Object.keys(files).filter((f) => !f.endsWith(".csv")).map((f) => [f, null])));
    smi.set({ "gpus.csv": gpus, "processes.csv": processes });
    good(await gpu.snapshot());
    return [answer.failure, answer.message.replaceAll(smi.path, "nvidia-smi")];
  };
  assert.deepEqual(await failure({ "gpus.csv": gpus.slice(0, 60) }), [
    "garbled",
    `nvidia-smi printed something else than expected: "${gpus.slice(0, 60)}"`,
  ]);
  assert.deepEqual(await failure({ "gpus.csv": "\x1b[31m<html>\n" }), [
    "garbled",
    'nvidia-smi printed something else than expected: "[31m<html>"',
  ]);
  assert.deepEqual(await failure({ "gpus.csv": "" }), [
    "garbled",
    "nvidia-smi printed something else than expected: nothing",
  ]);
  assert.deepEqual(await failure({ "gpus.csv": "No devices were found\n" }), [
    "lost",
    "nvidia-smi finds no GPU",
  ]);
  assert.deepEqual(await failure({ "gpus.csv": "NVIDIA-SMI has failed\n", exit: "9" }), [
    "lost",
    'nvidia-smi failed with code 9: "NVIDIA-SMI has failed"',
  ]);
  const begin = performance.now();
  assert.deepEqual(await failure({ hang: "" }), ["timeout", "nvidia-smi did not end within 0.3 s"]);
  assert.ok(performance.now() - begin < 5000);
});

withProcesses.test("the nvidia-smi source keeps the memory when only the process list is garbled", async () => {
  using smi = toolStandin("nvidia-smi", { "gpus.csv": gpus, "processes.csv": `${uuid}, 47` });
  await using gpu = await openGpu({ ...base, tools: { ...noTools, nvidiaSmi: smi.path } });
  const only = good(await gpu.snapshot()).gpus[0]!;
  assert.deepEqual([only.usedMib, only.processes, only.processesKnown], [1200, [], false]);
});

Deno.test("parseGpus() and parseProcesses() refuse every output that was cut off inside a line", () => {
  for (let end = 0; end < gpus.length; end++) {
    const parsed = parseGpus(gpus.slice(0, end));
    if (gpus[end - 1] === "\n") assert.equal(parsed?.length, gpus.slice(0, end).split("\n").length - 1);
    else assert.equal(parsed, null, `cut at ${end}`);
  }
  for (let end = 1; end < processes.length; end++) {
    const parsed = parseProcesses(processes.slice(0, end));
    if (processes[end - 1] !== "\n") assert.equal(parsed, null, `cut at ${end}`);
  }
});

const metric = JSON.stringify([{
  gpu: 0,
  usage: { gfx_activity: { value: 12, unit: "%" } },
  temperature: { edge: "N/A", hotspot: { value: 55, unit: "C" } },
  mem_usage: {
    total_vram: { value: 24560, unit: "MB" },
    used_vram: { value: 1010, unit: "MB" },
    free_vram: { value: 23550, unit: "MB" },
  },
}]);
const processList = JSON.stringify([{
  gpu: 0,
  process_list: [
    {
      process_info: {
        name: "python",
        pid: 4711,
        memory_usage: { vram_mem: { value: 536870912, unit: "B" } },
      },
    },
    { process_info: { name: "other", pid: 4712, memory_usage: { vram_mem: "N/A" } } },
    { process_info: "N/A" },
  ],
}]);

withProcesses.test("openGpu() reads an AMD GPU through amd-smi", async () => {
  using smi = toolStandin("amd-smi", {
    "static_asic.json": JSON.stringify([{ gpu: 0, asic: { market_name: "AMD Radeon RX 7900 XTX" } }]),
    "static_driver.json": JSON.stringify([{ gpu: 0, driver: { version: "6.8.5" } }]),
    "list.json": JSON.stringify([{ gpu: 0, uuid: "abcd-1234" }]),
    "metric.json": metric,
    "process.json": processList,
  });
  await using gpu = await openGpu({ ...base, tools: { ...noTools, amdSmi: smi.path } });
  assert.equal(gpu.kind, "amd-smi");
  assert.equal(gpu.description, "AMD Radeon RX 7900 XTX, driver 6.8.5");
  assert.deepEqual(good(await gpu.snapshot()).gpus, [{
    index: 0,
    uuid: "GPU-abcd-1234",
    name: "AMD Radeon RX 7900 XTX",
    totalMib: 24560,
    usedMib: 1010,
    freeMib: 23550,
    utilisation: 12,
    temperatureC: 55,
    processes: [{ pid: 4711, usedMib: 512, kind: "compute" }, { pid: 4712, usedMib: null, kind: "compute" }],
    processesKnown: true,
  }]);
  smi.set({ "metric.json": metric.slice(0, 100) });
  const cut = await gpu.snapshot();
  assert.ok(isGpuFailure(cut) && cut.failure === "garbled");
});

Deno.test("parseAmdSmi() and parseAmdProcesses() read the form of ROCm 7 too", () => {
  const wrapped = (text: string) => `WARNING: low power\n${JSON.stringify({ gpu_data: JSON.parse(text) })}`;
  assert.equal(parseAmdSmi(wrapped(metric), new Map())?.[0]?.usedMib, 1010);
  assert.equal(parseAmdProcesses(wrapped(processList))?.get(0)?.length, 2);
  for (const bad of ["", "[]", "{}", "[1]", "null", '[{"gpu":0}]']) {
    assert.equal(parseAmdSmi(bad, new Map()), null, bad);
  }
});

const cards = JSON.stringify({
  card0: {
    "Card Series": "Radeon RX 7900 XTX",
    "Unique ID": "0xabc",
    "VRAM Total Memory (B)": "25753026560",
    "VRAM Total Used Memory (B)": "1073741824",
    "GPU use (%)": "3",
    "Temperature (Sensor edge) (C)": "41.0",
  },
  system: { "Driver version": "6.3.6" },
});

withProcesses.test("openGpu() reads an AMD GPU through rocm-smi", async () => {
  using smi = toolStandin("rocm-smi", {
    "cards.json": `WARNING: AMD GPU device(s) is/are in a low-power state\n${cards}`,
    "pids.json": JSON.stringify({
      system: { PID4711: "python, -m x, 1, 536870912, 0, 0", PID5: "UNKNOWN, 0, N/A, 0, 0" },
    }),
  });
  await using gpu = await openGpu({ ...base, tools: { ...noTools, rocmSmi: smi.path } });
  assert.equal(gpu.kind, "rocm-smi");
  assert.equal(gpu.description, "Radeon RX 7900 XTX, driver 6.3.6");
  const only = good(await gpu.snapshot()).gpus[0]!;
  assert.deepEqual([only.uuid, only.totalMib, only.usedMib, only.freeMib], ["GPU-abc", 24560, 1024, 23536]);
  assert.deepEqual([only.utilisation, only.temperatureC], [3, 41]);
  assert.deepEqual(only.processes, [
    { pid: 4711, usedMib: 512, kind: "compute" },
    { pid: 5, usedMib: null, kind: "compute" },
  ]);
});

Deno.test("parseRocmSmi() and parseRocmPids() refuse what is not theirs", () => {
  for (const bad of ["", "{", "[]", "{}", '{"card0":{}}', '{"card0":5}']) {
    assert.equal(parseRocmSmi(bad), null, bad);
  }
  assert.equal(parseRocmPids("garbage"), null);
  assert.deepEqual(parseRocmPids("No KFD PIDs currently running"), []);
});

Deno.test("openGpu() says in one sentence that there is no GPU", async () => {
  await using gpu = await openGpu({ ...base, tools: noTools });
  assert.equal(gpu.kind, "none");
  assert.equal(gpu.description, "no GPU");
  assert.equal(gpu.reasons.length, 1);
  assert.match(
    gpu.reasons[0]!,
    /^there is no \/nonexistent\/libnvidia-ml\.so\.1, there is no .*rocm-smi; install /,
  );
  assert.ok(isGpuFailure(await gpu.snapshot()));
  assert.ok(isGpuFailure(await gpu.computePids()));
});

gpuTest("openGpu() says what the driver answered rather than which tools are not installed", async () => {
  using standin = nvmlStandin({ gpus: [{}], errors: { nvmlInit_v2: 18 } });
  await using gpu = await openGpu({ ...base, env: { ALEXA_NVML_PATH: standin.path }, tools: noTools });
  assert.equal(gpu.kind, "none");
  assert.match(
    gpu.reasons[0]!,
    /kernel module and its library are of different versions \(nvmlInit_v2: .*; .*reboot/,
  );
});

gpuTest("openGpu() prefers NVML", async () => {
  using standin = nvmlStandin({ gpus: [{ usedMib: 77 }] });
  using smi = toolStandin("nvidia-smi", { "gpus.csv": gpus, "processes.csv": processes });
  const env = { ALEXA_NVML_PATH: standin.path };
  await using gpu = await openGpu({ ...base, env, tools: { ...noTools, nvidiaSmi: smi.path } });
  assert.equal(gpu.kind, "nvml");
  assert.equal(good(await gpu.snapshot()).gpus[0]!.usedMib, 77);
});

gpuTest("openGpu() does not ask another tool when all GPUs are hidden", async () => {
  using standin = nvmlStandin();
  using smi = toolStandin("nvidia-smi", { "gpus.csv": gpus, "processes.csv": processes });
  const env = { ALEXA_NVML_PATH: standin.path, CUDA_VISIBLE_DEVICES: "-1" };
  await using gpu = await openGpu({ ...base, env, tools: { ...noTools, nvidiaSmi: smi.path } });
  assert.equal(gpu.kind, "none");
  assert.equal(gpu.reasons[0], 'CUDA_VISIBLE_DEVICES="-1" hides the only GPU; unset it, or name one of 0');
});
