/** Whatever is wrong with the GPU: one clear line, and the boot goes on, or stops where it is required. Spec: §5, §13. */
import assert from "node:assert/strict";
import { gpuTest, nvmlStandin, toolStandin } from "../support/gpu_standin.ts";
import { lowPort, runLoader, TestHome } from "../support/loader_process.ts";
import { LoaderProcess } from "../support/loader_process.ts";
import { fixtures } from "../support/scenario.ts";

/** Python itself, whatever the PATH makes of its name. */
const python = new TextDecoder().decode(
  new Deno.Command("python3", { args: ["-c", "import sys; print(sys.executable)"] }).outputSync().stdout,
).trim();

/** A PATH with what the stand-ins need and none of the vendors' tools. */
function plainPath(home: TestHome): string {
  const bin = `${home.dir}/bin`;
  Deno.mkdirSync(bin);
  for (const tool of ["sh", "cat", "sleep", "dirname"]) {
    const { stdout } = new Deno.Command("sh", { args: ["-c", `command -v ${tool}`] }).outputSync();
    Deno.symlinkSync(new TextDecoder().decode(stdout).trim(), `${bin}/${tool}`);
  }
  return bin;
}

function config(home: TestHome, gpu: string): string {
  const port = lowPort();
  return home.write(
    "loader.yaml",
    JSON.stringify({
      loader: { name: "t", startup_sequence: ["stt"], shutdown_sequence: ["stt"], wait_for_gpu_sec: 0 },
      services: {
        stt: {
          cmd: [python, `${fixtures}/stt.py`],
          readiness: { type: "tcp", host: "127.0.0.1", port },
          gpu,
        },
      },
    }),
  );
}

interface Broken extends Disposable {
  env: Record<string, string>;
}

const noLibrary = "/nonexistent/libnvidia-ml.so.1";
const uuid = "GPU-11111111-2222-3333-4444-555555555555";
const csv = `0, ${uuid}, 24564, 1200, 23000, 7, 45, 550.54.15, NVIDIA GeForce RTX 4090\n`;

function library(
  state: Parameters<typeof nvmlStandin>[0],
  flags?: Parameters<typeof nvmlStandin>[1],
): Broken {
  const standin = nvmlStandin(state, flags);
  return {
    env: { ALEXA_NVML_PATH: standin.path },
    [Symbol.dispose]: () => standin[Symbol.dispose](),
  };
}

function smi(path: string, files: Record<string, string>): Broken {
  const tool = toolStandin("nvidia-smi", files);
  const folder = tool.path.slice(0, tool.path.lastIndexOf("/"));
  return {
    env: { ALEXA_NVML_PATH: noLibrary, PATH: `${folder}:${path}` },
    [Symbol.dispose]: () => tool[Symbol.dispose](),
  };
}

const cases: Record<string, { make(path: string): Broken; says: RegExp }> = {
  "the library is missing": {
    make: () => ({ env: { ALEXA_NVML_PATH: noLibrary }, [Symbol.dispose]() {} }),
    says:
      /there is no \/nonexistent\/libnvidia-ml\.so\.1, there is no nvidia-smi, .*install the NVIDIA driver/,
  },
  "a symbol is missing": {
    make: () => library({ gpus: [{}] }, ["BROKEN"]),
    says: /libnvidia-ml\.so\.1 cannot be used: it lacks nvmlDeviceGetMemoryInfo; set ALEXA_NVML_PATH/,
  },
  "the library is another machine's": {
    make: () => {
      const broken = library({ gpus: [{}] });
      const bytes = Deno.readFileSync(broken.env.ALEXA_NVML_PATH!);
      bytes[18] = Deno.build.arch === "aarch64" ? 62 : 183;
      Deno.writeFileSync(broken.env.ALEXA_NVML_PATH!, bytes);
      return broken;
    },
    says: /cannot be used: it is built for \w+, this program for \w+; /,
  },
  "the driver is not loaded": {
    make: () => library({ gpus: [{}], errors: { nvmlInit_v2: 9 } }),
    says: /the NVIDIA driver is not loaded \(nvmlInit_v2: NVML_ERROR_DRIVER_NOT_LOADED\); wait for/,
  },
  "library and driver do not fit": {
    make: () => library({ gpus: [{}], errors: { nvmlInit_v2: 18 } }),
    says: /of different versions \(nvmlInit_v2: NVML_ERROR_LIB_RM_VERSION_MISMATCH\); /,
  },
  "the GPU has fallen off the bus": {
    make: () => library({ gpus: [{}], errors: { nvmlDeviceGetMemoryInfo_v2: 15 } }),
    says: /fallen off the bus .*NVML_ERROR_GPU_IS_LOST\); see dmesg/,
  },
  "nvidia-smi's answer is cut off": {
    make: (path) => smi(path, { "gpus.csv": csv.slice(0, 70), "processes.csv": "" }),
    says: /nvidia-smi printed something else than expected: "0, GPU-1111.*; run nvidia-smi by hand/,
  },
  "nvidia-smi hangs": {
    make: (path) => smi(path, { hang: "" }),
    says: /nvidia-smi did not end within \d s; its driver may hang: see dmesg/,
  },
};

for (const [name, { make, says }] of Object.entries(cases)) {
  gpuTest(
    `${name}: one clear line and the boot goes on; with gpu: required it stops with exit 3`,
    async (t) => {
      await using home = new TestHome();
      const path = plainPath(home);
      using broken = make(path);
      const env = { PATH: path, ...broken.env };
      await t.step("gpu: none", async () => {
        await using loader = new LoaderProcess(home, ["up", "--config", config(home, "none")], { env });
        await loader.waitLine(/SYSTEM_READY: /);
        const lines = loader.lines.filter((line) => says.test(line.text));
        assert.deepEqual(lines.map((line) => line.level), ["WARNING"], loader.log);
        assert.match(lines[0]!.message, /^No GPU: /);
        assert.equal(await loader.interrupt(), 0);
        assert.deepEqual(loader.messages("LOADER", "WARNING").length, 1, loader.log);
        assert.equal(
          loader.messages("LOADER").filter((message) => /VRAM/.test(message)).length,
          1,
          loader.log,
        );
      });
      await t.step("gpu: required", async () => {
        await using loader = new LoaderProcess(home, ["up", "--config", config(home, "required")], { env });
        assert.equal(await loader.exit(), 3, loader.log);
        const [error, ...more] = loader.messages("LOADER", "ERROR");
        assert.match(error!, /^stt: gpu: required, but no GPU to compute on within 0 s: /);
        assert.match(error!, says);
        assert.deepEqual(more, []);
        assert.deepEqual(
          home.events("stt").filter((event) => event === "start").length,
          1,
          "only the first boot's",
        );
      });
    },
  );
}

gpuTest(
  "gpu: optional goes on without a GPU, says so once, and status tells that it is on the CPU",
  async () => {
    await using home = new TestHome();
    const env = { PATH: plainPath(home), ALEXA_NVML_PATH: noLibrary };
    const path = config(home, "optional");
    await using loader = new LoaderProcess(home, ["up", "--config", path], { env });
    await loader.waitLine(/SYSTEM_READY: /);
    const [warning, ...more] = loader.messages("LOADER", "WARNING");
    assert.match(warning!, /^no GPU to compute on within 0 s: there is no .*; going on without it$/);
    assert.deepEqual(more, []);
    const { out } = await runLoader(home, ["status", "--json", "--config", path], { env });
    assert.equal(JSON.parse(out).services[0].on_cpu, true);
    assert.equal(await loader.interrupt(), 0);
  },
);

gpuTest(
  "a boot through nvidia-smi says why, has its snapshots, and skips them while the tool hangs",
  async () => {
    await using home = new TestHome();
    using tool = toolStandin("nvidia-smi", { "gpus.csv": csv, "processes.csv": "" });
    const folder = tool.path.slice(0, tool.path.lastIndexOf("/"));
    const env = { PATH: `${folder}:${plainPath(home)}`, ALEXA_NVML_PATH: noLibrary };
    const path = config(home, "none");
    const text = JSON.parse(Deno.readTextFileSync(path));
    text.services.stt.env = { FIXTURE_LOAD_MS: "400" };
    Deno.writeTextFileSync(path, JSON.stringify(text));
    await using loader = new LoaderProcess(home, ["up", "--config", path], { env });
    await loader.waitLine(
      /The GPU is asked through nvidia-smi: there is no \/nonexistent\/libnvidia-ml\.so\.1$/,
    );
    await loader.waitLine(/VRAM after precheck: used 1200 MiB of 24564 MiB/);
    tool.set({ hang: "" });
    const up = await loader.waitLine(/STT\s+INFO = Warmed/);
    const skipped = await loader.waitLine(/VRAM after stt: skipped, the GPU did not answer within 1 s/);
    assert.ok(skipped.at - up.at < 2000, "it held the gate");
    await loader.waitLine(/SYSTEM_READY: /);
    tool.set({ hang: null });
    assert.equal(await loader.interrupt(), 0);
  },
);
