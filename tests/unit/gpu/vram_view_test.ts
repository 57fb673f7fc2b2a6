import assert from "node:assert/strict";
import { vramReport } from "../../../lib/gpu/watch/report.ts";
import { renderVram, vramJson } from "../../../lib/ui/vram_view.ts";
import { lost, scripted, shot } from "./snapshots.ts";

Deno.test("renderVram() and vramJson() show total, used, free, services and strangers", async () => {
  const report = await vramReport({
    source: scripted([shot(9000, { 10: 1000, 11: 500, 20: null, 99: 700 })]),
    trees: new Map([["stt", new Set([10, 11])], ["llm", new Set([20])]]),
    commandOf: (pid) => pid === 99 ? "python other.py" : "",
  });
  assert.deepEqual(renderVram(report), [
    "GPU 0: NVIDIA GeForce RTX 4090, 7 % busy, 45 °C",
    "  total     24576 MiB",
    "  used       9000 MiB",
    "  free      15576 MiB",
    "  stt        1500 MiB  pid 10, 11",
    "  llm           ? MiB  pid 20",
    "  not ours    700 MiB  pid 99 (python other.py)",
    "  unknown    6800 MiB  driver, and processes that cannot be seen",
  ]);
  assert.deepEqual(JSON.parse(JSON.stringify(vramJson(report))), {
    gpus: [{
      index: 0,
      uuid: "GPU-0",
      name: "NVIDIA GeForce RTX 4090",
      total_mib: 24576,
      used_mib: 9000,
      free_mib: 15576,
      utilisation_percent: 7,
      temperature_c: 45,
      services: [{ service: "stt", used_mib: 1500, pids: [10, 11] }, {
        service: "llm",
        used_mib: null,
        pids: [20],
      }],
      strangers: [{ pid: 99, used_mib: 700, kind: "compute", command: "python other.py" }],
      unattributed_mib: 6800,
    }],
  });
});

Deno.test("renderVram() says in one sentence why there is no GPU, and vramJson() has none", async () => {
  for (const kind of ["none", "nvml"] as const) {
    const report = await vramReport({ source: scripted([lost], kind) });
    const reason = kind === "none" ? "the NVIDIA driver is not loaded" : "the GPU has fallen off the bus";
    assert.deepEqual(renderVram(report), [`No GPU: ${reason}`]);
    assert.equal(JSON.stringify(vramJson(report)), '{"gpus":[]}');
  }
});
