/** GPUs for tests on machines without one: a compiled stand-in for NVIDIA's library, and scripts for the vendors' tools. */
import { hasCompiler } from "./compiler.ts";

const fixtures = new URL("../fixtures/gpu/", import.meta.url);

export interface StandinProcess {
  pid: number;
  /** Null: the driver does not tell. */
  usedMib: number | null;
  kind?: "compute" | "graphics";
}

export interface StandinGpu {
  totalMib?: number;
  usedMib?: number;
  reservedMib?: number;
  utilisation?: number;
  temperatureC?: number;
  uuid?: string;
  name?: string;
  processes?: StandinProcess[];
}

/** What the library answers from now on. `errors` and `delays` go by the function's name without a version for processes. */
export interface StandinState {
  driver?: string;
  gpus?: StandinGpu[];
  errors?: Record<string, number>;
  delays?: Record<string, number>;
}

/** A copy of the compiled library in a folder of its own, so that tests in one program do not share its state. */
export interface NvmlStandin extends Disposable {
  /** For ALEXA_NVML_PATH. */
  path: string;
  set(state: StandinState): void;
}

export type StandinFlag = "OLD" | "BROKEN" | "WIDE";

/** Whether the stand-in can be built here. */
export const canBuildStandin = Deno.build.os === "linux" && hasCompiler;

/** A test that needs the stand-in library; skipped by name where there is no compiler. */
export function gpuTest(name: string, fn: (t: Deno.TestContext) => void | Promise<void>): void {
  const label = canBuildStandin ? name : `${name} (skipped: needs cc, apt-get install gcc)`;
  Deno.test({ name: label, ignore: !canBuildStandin, fn });
}

const built = new Map<string, Uint8Array>();

function compile(flags: StandinFlag[]): Uint8Array {
  const key = flags.join();
  const known = built.get(key);
  if (known) return known;
  const folder = Deno.makeTempDirSync({ prefix: "alexa-nvml-" });
  try {
    const out = `${folder}/out.so`;
    const source = new URL("nvml_standin.c", fixtures).pathname;
    const args = ["-O1", "-shared", "-fPIC", ...flags.map((f) => `-D${f}`), "-o", out, source, "-ldl"];
    const { success, stderr } = new Deno.Command("cc", { args }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const bytes = Deno.readFileSync(out);
    built.set(key, bytes);
    return bytes;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const mib = 2 ** 20;

function stateText(state: StandinState): string {
  const lines = [`driver ${state.driver ?? "550.54.15"}`];
  for (const [i, gpu] of (state.gpus ?? []).entries()) {
    const { totalMib = 24576, usedMib = 0, reservedMib = 0, utilisation = 0, temperatureC = 40 } = gpu;
    const memory = [totalMib * mib, usedMib * mib, reservedMib * mib].join(" ");
    const uuid = gpu.uuid ?? `GPU-0000000${i}-aaaa-bbbb-cccc-dddddddddddd`;
    lines.push(
      `gpu ${i} ${memory} ${utilisation} ${temperatureC} ${uuid} ${gpu.name ?? "NVIDIA GeForce RTX 4090"}`,
    );
    for (const p of gpu.processes ?? []) {
      lines.push(`process ${i} ${p.kind ?? "compute"} ${p.pid} ${p.usedMib === null ? -1 : p.usedMib * mib}`);
    }
  }
  for (const [name, code] of Object.entries(state.errors ?? {})) lines.push(`error ${name} ${code}`);
  for (const [name, ms] of Object.entries(state.delays ?? {})) lines.push(`delay ${name} ${ms}`);
  return lines.join("\n") + "\n";
}

/** Builds (once per program and set of flags) and places the library; its first state is `state`. */
export function nvmlStandin(state: StandinState = { gpus: [{}] }, flags: StandinFlag[] = []): NvmlStandin {
  const folder = Deno.makeTempDirSync({ prefix: "alexa-nvml-" });
  const path = `${folder}/libnvidia-ml.so.1`;
  Deno.writeFileSync(path, compile(flags));
  const set = (next: StandinState) => {
    Deno.writeTextFileSync(`${path}.next`, stateText(next)); // renamed, so that the library never reads half a file
    Deno.renameSync(`${path}.next`, `${path}.state`);
  };
  set(state);
  return { path, set, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

/** A vendor's tool as a script in a folder of its own. `set()` writes the files that it prints; null removes one. */
export interface ToolStandin extends Disposable {
  path: string;
  set(files: Record<string, string | null>): void;
}

export function toolStandin(
  name: "nvidia-smi" | "amd-smi" | "rocm-smi",
  files: Record<string, string>,
): ToolStandin {
  const folder = Deno.makeTempDirSync({ prefix: "alexa-smi-" });
  const path = `${folder}/${name}`;
  Deno.writeFileSync(path, Deno.readFileSync(new URL(name, fixtures)), { mode: 0o755 });
  const set = (next: Record<string, string | null>) => {
    for (const [file, text] of Object.entries(next)) {
      if (text === null) Deno.removeSync(`${folder}/${file}`);
      else Deno.writeTextFileSync(`${folder}/${file}`, text);
    }
  };
  set(files);
  return { path, set, [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }) };
}

/** Tools that are not there, for `openGpu({tools})`: the machine's own must not answer in a test. */
export const noTools = {
  nvidiaSmi: "/nonexistent/nvidia-smi",
  amdSmi: "/nonexistent/amd-smi",
  rocmSmi: "/nonexistent/rocm-smi",
};
