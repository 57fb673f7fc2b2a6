/** The GPU through whole boots, with the stand-in library. Spec: §5; CONTRACT §1, §9, §10. */
import assert from "node:assert/strict";
import { gpuTest } from "../support/gpu_standin.ts";
import { GpuHome } from "../support/gpu_boot.ts";
import { LoaderProcess, runLoader } from "../support/loader_process.ts";
import { assistant, type AssistantOptions } from "../support/scenario.ts";

const ready = /READY FOR WAKE WORD/;

function boot(home: GpuHome, o: AssistantOptions): { loader: LoaderProcess; config: string } {
  const { config } = assistant(home, o);
  return { loader: new LoaderProcess(home, ["up", "--config", config], { env: home.env }), config };
}

/** The lines about memory, in order. */
const vramLines = (loader: LoaderProcess) =>
  loader.messages("LOADER").filter((message) => /VRAM|GPU/.test(message) && !message.startsWith("PRECHECK"));

async function status(home: GpuHome, config: string) {
  const { out, code } = await runLoader(home, ["status", "--json", "--config", config], { env: home.env });
  assert.equal(code, 0, out);
  return JSON.parse(out);
}

gpuTest(
  "a boot has one snapshot per stage transition with the right deltas, and all memory is back at its end",
  async () => {
    await using home = new GpuHome();
    home.hold(Deno.pid, 1000); // a stranger
    const { loader, config } = boot(home, {
      services: {
        stt: { cmd: home.cmd("stt", 512), gpu: "optional" },
        llm: { cmd: home.cmd("llm", 6000), gpu: "required", vram_mb: 6000 },
        tts: { cmd: home.cmd("tts", 256) },
      },
    });
    await using _loader = loader;
    await loader.waitLine(ready);
    const stages = [
      "VRAM after precheck: used 1300 MiB of 24576 MiB (+0 MiB)",
      "VRAM after kwd: used 1300 MiB of 24576 MiB (+0 MiB)",
      "VRAM after stt: used 1812 MiB of 24576 MiB (+512 MiB)",
      "VRAM after llm: used 7812 MiB of 24576 MiB (+6000 MiB)",
      "VRAM after tts: used 8068 MiB of 24576 MiB (+256 MiB)",
    ];
    assert.deepEqual(vramLines(loader), stages);
    assert.match(loader.log, /PRECHECK: .*, NVIDIA GeForce RTX 4090, driver 550\.54\.15/);

    const told = await status(home, config);
    const held = Object.fromEntries(
      told.services.map((s: { name: string; vram_mib: number }) => [s.name, s.vram_mib]),
    );
    assert.deepEqual(held, { kwd: null, stt: 512, llm: 6000, tts: 256 });
    assert.deepEqual(told.services.map((s: { on_cpu: boolean }) => s.on_cpu), [false, false, false, false]);
    assert.equal(told.gpu.used_mib, 8068);

    const { out } = await runLoader(home, ["vram", "--json", "--config", config], { env: home.env });
    const [gpu] = JSON.parse(out).gpus;
    assert.deepEqual(
      gpu.services.map((s: { service: string; used_mib: number }) => [s.service, s.used_mib]),
      [["llm", 6000], ["stt", 512], ["tts", 256]],
    );
    assert.deepEqual(
      gpu.strangers.map((s: { pid: number; used_mib: number }) => [s.pid, s.used_mib]),
      [[Deno.pid, 1000]],
    );
    assert.deepEqual([gpu.used_mib, gpu.unattributed_mib], [8068, 300]);

    assert.equal(await loader.interrupt(), 0);
    assert.deepEqual(vramLines(loader).slice(stages.length), [
      "VRAM at the end: used 1300 MiB of 24576 MiB (+0 MiB since the start)",
    ]);
    assert.deepEqual(loader.messages("LOADER", "WARNING"), []);
    const [record] = home.boots() as unknown as {
      first_cuda_context_ms: number;
      total_boot_ms: number;
      vram: { stage: string; delta_mib: number }[];
      versions: { driver: string };
    }[];
    assert.ok(record!.first_cuda_context_ms > 0 && record!.first_cuda_context_ms < record!.total_boot_ms);
    assert.deepEqual(
      record!.vram.map((point) => [point.stage, point.delta_mib]),
      [["precheck", 0], ["kwd", 0], ["stt", 512], ["llm", 6000], ["tts", 256]],
    );
    assert.equal(record!.versions.driver, "550.54.15");
  },
);

gpuTest("what is not given back at the end is told with who holds it", async () => {
  await using home = new GpuHome();
  const { loader } = boot(home, { loader: { vram_poll_interval_sec: 3600 } });
  await using _loader = loader;
  await loader.waitLine(ready);
  home.hold(Deno.pid, 2000);
  assert.equal(await loader.interrupt(), 0);
  const [end, missing] = vramLines(loader).slice(-2);
  assert.equal(end, "VRAM at the end: used 2300 MiB of 24576 MiB (+2000 MiB since the start)");
  assert.match(
    missing!,
    new RegExp(`^VRAM not given back: 2000 MiB .*held by pid ${Deno.pid} \\(.*deno.*\\) 2000 MiB$`),
  );
});

gpuTest("a GPU that is lost while running is told once, and once when it is back", async () => {
  await using home = new GpuHome();
  const { loader, config } = boot(home, { loader: { vram_poll_interval_sec: 0.1 } });
  await using _loader = loader;
  await loader.waitLine(ready);
  home.say("error nvmlDeviceGetMemoryInfo_v2 15");
  home.say("error nvmlInit_v2 9");
  const lost = await loader.waitLine(/GPU lost/);
  assert.match(
    lost.text,
    /^LOADER\s+WARNING = GPU lost: the GPU has fallen off the bus .*GPU_IS_LOST\); see dmesg/,
  );
  assert.equal((await status(home, config)).gpu.used_mib, null);
  home.unsay("error");
  const back = await loader.waitLine(/GPU is back/);
  assert.match(
    back.text,
    /INFO = GPU is back: NVIDIA GeForce RTX 4090, driver 550\.54\.15, used 300 MiB of 24576 MiB$/,
  );
  home.hold(Deno.pid, 100);
  await loader.waitLine(/INFO = VRAM: used 400 MiB of 24576 MiB \(\+100 MiB\)/);
  assert.equal(await loader.interrupt(), 0);
  assert.equal(vramLines(loader).filter((line) => /GPU (lost|is back)/.test(line)).length, 2, loader.log);
});

const short = new RegExp(
  "VRAM short for llm: it needs 6000 MiB \\(vram_mb\\), 4276 MiB of 24576 MiB are free; held by " +
    `pid ${Deno.pid} \\(.*deno.*\\) 20000 MiB`,
);

function tooBig(home: GpuHome, onShort: string): AssistantOptions {
  home.hold(Deno.pid, 20000);
  return {
    loader: { on_vram_short: onShort, wait_for_gpu_sec: 20 },
    services: { llm: { cmd: home.cmd("llm", 4000), gpu: "required", vram_mb: 6000 } },
  };
}

gpuTest("on_vram_short: warn names who holds the memory and starts", async () => {
  await using home = new GpuHome();
  const { loader } = boot(home, tooBig(home, "warn"));
  await using _loader = loader;
  await loader.waitLine(ready);
  const warnings = loader.messages("LOADER", "WARNING");
  assert.equal(warnings.length, 1, loader.log);
  assert.match(warnings[0]!, short);
  assert.match(warnings[0]!, /; starting it all the same$/);
  assert.equal(await loader.interrupt(), 0);
});

gpuTest("plan names the service that will not fit and who holds the memory", async () => {
  await using home = new GpuHome();
  const { config } = assistant(home, tooBig(home, "warn"));
  const { out, code } = await runLoader(home, ["plan", "--json", "--config", config], { env: home.env });
  assert.equal(code, 0);
  const warnings = JSON.parse(out).warnings.filter((line: string) => /VRAM/.test(line));
  assert.equal(warnings.length, 1, out);
  assert.match(
    warnings[0],
    new RegExp(`^VRAM will be short for llm: it needs 6000 MiB .*; held now by pid ${Deno.pid} \\(`),
  );
});

gpuTest("on_vram_short: wait starts when the memory is free", async () => {
  await using home = new GpuHome();
  const { loader } = boot(home, tooBig(home, "wait"));
  await using _loader = loader;
  await loader.waitLine(/VRAM short for llm.*; waiting up to 20 s/);
  assert.deepEqual(home.events("llm"), []);
  home.unsay("live");
  await loader.waitLine(/VRAM for llm is free after .*: 24276 MiB/);
  await loader.waitLine(ready);
  assert.equal(await loader.interrupt(), 0);
});

gpuTest("on_vram_short: fail gives the service up at once, and the boot ends DEGRADED", async () => {
  await using home = new GpuHome();
  const { loader } = boot(home, tooBig(home, "fail"));
  await using _loader = loader;
  await loader.waitLine(/DEGRADED: llm failed/);
  const errors = loader.messages("LLM", "ERROR");
  assert.equal(errors.length, 1, loader.log);
  assert.match(errors[0]!, short);
  assert.match(errors[0]!, /; given up \(on_vram_short: fail\)$/);
  assert.deepEqual(home.events("llm"), [], "it was started");
  assert.equal(await loader.interrupt(), 0);
});

gpuTest(
  "gpu: required: READY ON CPU leads to one restart, then stays with a WARNING and in status",
  async () => {
    await using home = new GpuHome();
    const { loader, config } = boot(home, {
      services: { llm: { cmd: home.cmd("llm", 4000, 99), gpu: "required", vram_mb: 4000 } },
    });
    await using _loader = loader;
    await loader.waitLine(ready);
    const held = "READY ON CPU: it holds 0 MiB of VRAM, about 4000 MiB were expected";
    const [first, second, ...more] = loader.messages("LLM", "WARNING");
    assert.equal(first, `${held}; restart 1 of 3 in 0.1s`);
    assert.ok(second!.startsWith(`${held}; see the service's own log`), second!);
    assert.deepEqual(more, []);
    const llm = (await status(home, config)).services[2];
    assert.deepEqual([llm.state, llm.on_cpu, llm.restarts], ["up", true, 1]);
    assert.equal(await loader.interrupt(), 0);
  },
);

gpuTest("gpu: required: one restart is enough when the second copy is on the GPU", async () => {
  await using home = new GpuHome();
  const { loader, config } = boot(home, {
    services: { llm: { cmd: home.cmd("llm", 4000, 1), gpu: "required", vram_mb: 4000 } },
  });
  await using _loader = loader;
  await loader.waitLine(ready);
  assert.equal(loader.messages("LLM", "WARNING").length, 1, loader.log);
  const llm = (await status(home, config)).services[2];
  assert.deepEqual([llm.state, llm.on_cpu, llm.vram_mib], ["up", false, 4000]);
  assert.equal(await loader.interrupt(), 0);
});

gpuTest("gpu: optional: READY ON CPU is a WARNING and in status", async () => {
  await using home = new GpuHome();
  const { loader, config } = boot(home, {
    services: { llm: { cmd: home.cmd("llm", 4000, 99), gpu: "optional" } },
  });
  await using _loader = loader;
  await loader.waitLine(ready);
  const warnings = loader.messages("LLM", "WARNING");
  assert.equal(warnings.length, 1, loader.log);
  assert.match(warnings[0]!, /^READY ON CPU: it holds 0 MiB of VRAM, some was expected; /);
  const llm = (await status(home, config)).services[2];
  assert.deepEqual([llm.on_cpu, llm.restarts], [true, 0]);
  assert.equal(await loader.interrupt(), 0);
});

gpuTest("a model of Ollama is looked for where Ollama says it is", async () => {
  await using home = new GpuHome();
  const { config, ports } = assistant(home, {});
  const parsed = JSON.parse(Deno.readTextFileSync(config));
  // The fixture's /api/ps lists its model with nothing of it on the GPU.
  Object.assign(parsed.services.llm, { gpu: "optional", server: "ollama", model: "fixture" });
  parsed.services.llm.warmup = { kind: "ollama", url: `http://127.0.0.1:${ports.LLM_HTTP}` };
  Deno.writeTextFileSync(config, JSON.stringify(parsed));
  await using loader = new LoaderProcess(home, ["up", "--config", config], { env: home.env });
  await loader.waitLine(ready);
  const warnings = loader.messages("LLM", "WARNING");
  assert.equal(warnings.length, 1, loader.log);
  assert.match(warnings[0]!, /^READY ON CPU: Ollama holds 0 MiB of 1 MiB of fixture in VRAM; /);
  assert.equal(await loader.interrupt(), 0);
});
