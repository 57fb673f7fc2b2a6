/** `alexa-loader vram`: with and without a loader, with and without a GPU. Spec: §5, §12. */
import assert from "node:assert/strict";
import { gpuTest } from "../support/gpu_standin.ts";
import { GpuHome } from "../support/gpu_boot.ts";
import { LoaderProcess, runLoader, TestHome, until } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";

const nowhere = { ALEXA_NVML_PATH: "/nonexistent/libnvidia-ml.so.1", PATH: "/nonexistent" };

gpuTest("vram asks the GPU itself: without a loader everybody is a stranger", async () => {
  await using home = new GpuHome({ gpus: [{ usedMib: 300, utilisation: 7, temperatureC: 45 }] });
  home.hold(Deno.pid, 1000);
  const text = await runLoader(home, ["vram"], { env: home.env, cwd: home.dir });
  assert.equal(text.code, 0, text.err);
  const lines = text.out.split("\n");
  assert.equal(lines[0], "GPU 0: NVIDIA GeForce RTX 4090, 7 % busy, 45 °C");
  assert.match(text.out, /^ {2}total +24576 MiB$/m);
  assert.match(text.out, /^ {2}used +1300 MiB$/m);
  assert.match(text.out, /^ {2}free +23276 MiB$/m);
  assert.match(text.out, new RegExp(`^  not ours +1000 MiB  pid ${Deno.pid} \\(.*deno`, "m"));
  const json = await runLoader(home, ["vram", "--json"], { env: home.env, cwd: home.dir });
  const [gpu] = JSON.parse(json.out).gpus;
  assert.deepEqual([gpu.total_mib, gpu.used_mib, gpu.free_mib, gpu.services], [24576, 1300, 23276, []]);
  assert.equal(gpu.strangers[0].pid, Deno.pid);
});

gpuTest(
  "vram --watch looks again and again until Ctrl-C, and tells a running loader's services",
  async () => {
    await using home = new GpuHome();
    const { config } = assistant(home, { services: { llm: { cmd: home.cmd("llm", 6000) } } });
    await using loader = new LoaderProcess(home, ["up", "--config", config], { env: home.env });
    await loader.waitLine(/READY FOR WAKE WORD/);
    await using watch = new LoaderProcess(home, ["vram", "--json", "--watch", "--config", config], {
      env: home.env,
    });
    await watch.waitLine(/"service":"llm","used_mib":6000/);
    home.hold(Deno.pid, 500);
    await watch.waitLine(new RegExp(`"pid":${Deno.pid},"used_mib":500`));
    assert.equal(await loader.interrupt(), 0);
    await watch.waitLine(/"used_mib":800,.*"services":\[\]/); // the loader is gone, the watch goes on
    assert.equal(await watch.interrupt(), 0);
    for (const { text } of watch.lines) assert.equal(JSON.parse(text).gpus.length, 1);
  },
);

Deno.test("vram without a GPU is one sentence, exit 0, and no GPUs in JSON", async () => {
  await using home = new TestHome();
  for (const more of [[], ["--watch"]]) {
    const text = await runLoader(home, ["vram", ...more], { env: nowhere, cwd: home.dir });
    assert.equal(text.code, 0, text.err);
    assert.match(text.out, /^No GPU: there is no \/nonexistent\/libnvidia-ml\.so\.1, [^\n]+$/);
    const json = await runLoader(home, ["vram", "--json", ...more], { env: nowhere, cwd: home.dir });
    assert.equal(json.code, 0, json.err);
    assert.deepEqual(JSON.parse(json.out), { gpus: [] });
  }
});

Deno.test("vram ends at once on Ctrl-C while the driver's tool hangs", async () => {
  await using home = new TestHome();
  const begun = `${home.dir}/begun`;
  const tool = home.write("nvidia-smi", `#!/bin/sh\n: > ${begun}\nexec sleep 600\n`);
  Deno.chmodSync(tool, 0o755);
  const env = { ALEXA_NVML_PATH: nowhere.ALEXA_NVML_PATH, PATH: `${home.dir}:${Deno.env.get("PATH")}` };
  await using vram = new LoaderProcess(home, ["vram"], { env, cwd: home.dir });
  await until(
    "the run of the tool",
    () => [...Deno.readDirSync(home.dir)].some(({ name }) => name === "begun"),
  );
  const begin = performance.now();
  assert.equal(await vram.interrupt(), 0, vram.log);
  assert.ok(performance.now() - begin < 3000, "it waited for the tool");
  assert.deepEqual([vram.lines, vram.errors], [[], []]);
});
