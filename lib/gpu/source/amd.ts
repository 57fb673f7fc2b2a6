/** Snapshots of AMD GPUs from the JSON of amd-smi, or of the older rocm-smi. Spec: §5. */
import { type Json, parseJson, recordOf } from "../../shape.ts";
import type { Clock } from "../../sys/clock.ts";
import { garbled, runTool, type ToolOptions } from "./tool.ts";
import {
  type Gpu,
  type GpuFailure,
  type GpuProcess,
  type GpuSnapshot,
  type GpuSource,
  isGpuFailure,
  mib,
} from "../types.ts";
import { chooseGpus, type GpuChoice } from "./visible.ts";

/** How an AMD source is opened. */
export interface AmdOptions extends GpuChoice, ToolOptions {
  clock: Clock;
}

/** The JSON in the output; both tools may print warnings before it. */
function json(output: string): unknown {
  const start = output.search(/[[{]/);
  return start < 0 ? undefined : parseJson(output.slice(start));
}

const units: Record<string, number> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 };

/** Bytes of amd-smi's `{value, unit}`, or of a bare number; null for "N/A". */
function amount(value: unknown, bareUnit: string): number | null {
  const { value: inner, unit } = typeof value === "object" ? recordOf(value) : { value, unit: bareUnit };
  const number = Number(inner);
  const factor = units[String(unit)];
  return inner === "" || inner === null || !Number.isFinite(number) || !factor ? null : number * factor;
}

function figure(value: unknown): number | null {
  const inner = typeof value === "object" ? recordOf(value).value : value;
  return inner === undefined || inner === null || inner === "" || !Number.isFinite(Number(inner))
    ? null
    : Number(inner);
}

/** amd-smi's list of GPUs, bare or (since ROCm 7) under "gpu_data"; null if it is neither. */
function perGpu(output: string): Json[] | null {
  const value = json(output);
  const list = Array.isArray(value) ? value : recordOf(value).gpu_data;
  return Array.isArray(list) ? list.map(recordOf) : null;
}

const noProcesses: Pick<Gpu, "processes" | "processesKnown"> = { processes: [], processesKnown: false };

/** Reads `amd-smi metric --json` with the names of `amd-smi static --json`; null if there is no memory in it. */
export function parseAmdSmi(
  metric: string,
  names: ReadonlyMap<number, { name: string; uuid: string }>,
): Gpu[] | null {
  const gpus: Gpu[] = [];
  for (const entry of perGpu(metric) ?? []) {
    const index = Number(entry.gpu);
    const memory = recordOf(entry.mem_usage);
    const total = amount(memory.total_vram, "MB"), used = amount(memory.used_vram, "MB");
    if (!Number.isInteger(index) || total === null || used === null) return null;
    const temperature = recordOf(entry.temperature);
    gpus.push({
      index,
      ...names.get(index) ?? { name: "AMD GPU", uuid: `GPU-${index}` },
      totalMib: mib(total),
      usedMib: mib(used),
      freeMib: mib(amount(memory.free_vram, "MB") ?? total - used),
      utilisation: figure(recordOf(entry.usage).gfx_activity),
      temperatureC: figure(temperature.edge) ?? figure(temperature.hotspot),
      ...noProcesses,
    });
  }
  return gpus.length > 0 ? gpus : null;
}

/** Reads `amd-smi process --json`, by GPU; null if it is not that. */
export function parseAmdProcesses(output: string): Map<number, GpuProcess[]> | null {
  const entries = perGpu(output);
  if (!entries) return null;
  const byGpu = new Map<number, GpuProcess[]>();
  for (const entry of entries) {
    const processes: GpuProcess[] = [];
    for (const item of Array.isArray(entry.process_list) ? entry.process_list : []) {
      const info = recordOf(recordOf(item).process_info); // the word "N/A" where there is no process
      const pid = Number(info.pid);
      if (!Number.isInteger(pid) || pid <= 0) continue;
      const used = amount(recordOf(info.memory_usage).vram_mem ?? info.mem_usage, "B");
      processes.push({ pid, usedMib: used === null ? null : mib(used), kind: "compute" });
    }
    byGpu.set(Number(entry.gpu), processes);
  }
  return byGpu;
}

/** Reads `rocm-smi --json`; null if there is no card with memory in it. */
export function parseRocmSmi(output: string): { gpus: Gpu[]; driver: string | null } | null {
  const gpus: Gpu[] = [];
  const all = recordOf(json(output));
  for (const [card, value] of Object.entries(all)) {
    const index = /^card(\d+)$/.exec(card)?.[1];
    if (index === undefined) continue;
    const entry = recordOf(value);
    const total = figure(entry["VRAM Total Memory (B)"]), used = figure(entry["VRAM Total Used Memory (B)"]);
    if (total === null || used === null) return null;
    const id = String(entry["Unique ID"] ?? "N/A");
    gpus.push({
      index: Number(index),
      uuid: id === "N/A" ? `GPU-${index}` : `GPU-${id.replace(/^0x/, "")}`,
      name: String(entry["Card Series"] ?? entry["Card series"] ?? entry["Card model"] ?? "AMD GPU"),
      totalMib: mib(total),
      usedMib: mib(used),
      freeMib: mib(total - used),
      utilisation: figure(entry["GPU use (%)"]),
      temperatureC: figure(entry["Temperature (Sensor edge) (C)"]) ??
        figure(entry["Temperature (Sensor junction) (C)"]),
      ...noProcesses,
    });
  }
  const driver = recordOf(all.system)["Driver version"];
  return gpus.length > 0 ? { gpus, driver: typeof driver === "string" ? driver : null } : null;
}

/** Reads `rocm-smi --showpids --json`: "PID4711": "name, GPUs, bytes, …". It does not say on which GPU. */
export function parseRocmPids(output: string): GpuProcess[] | null {
  const value = json(output);
  if (value === undefined) return /no (kfd )?pids/i.test(output) ? [] : null;
  const processes: GpuProcess[] = [];
  for (const [key, entry] of Object.entries(recordOf(recordOf(value).system))) {
    const pid = Number(/^PID\s*(\d+)$/.exec(key)?.[1]);
    if (!pid || typeof entry !== "string") continue;
    const used = figure(entry.split(",").at(-3)?.trim()); // counted from the end: the name may hold commas
    processes.push({ pid, usedMib: used === null ? null : mib(used), kind: "compute" });
  }
  return processes;
}

type Read = (signal?: AbortSignal) => Promise<{ gpus: Gpu[]; driver: string | null } | GpuFailure>;

/** A source from a function that reads all GPUs, after it was seen to work once. */
async function openTool(
  kind: "amd-smi" | "rocm-smi",
  options: AmdOptions,
  read: Read,
  signal?: AbortSignal,
): Promise<GpuSource | GpuFailure> {
  const first = await read(signal);
  if (isGpuFailure(first)) return first;
  const chosen = chooseGpus(first.gpus, options);
  if (isGpuFailure(chosen)) return chosen;
  const snapshot = async (s?: AbortSignal): Promise<GpuSnapshot | GpuFailure> => {
    const all = await read(s);
    if (isGpuFailure(all)) return all;
    const gpus = chooseGpus(all.gpus, options);
    return isGpuFailure(gpus) ? gpus : { at: options.clock.now(), gpus };
  };
  return {
    kind,
    description: `${chosen.map((g) => g.name).join(" and ")}, driver ${first.driver ?? "unknown"}`,
    driver: first.driver,
    reasons: [],
    snapshot,
    computePids: async (s) => {
      const answer = await snapshot(s);
      return isGpuFailure(answer) ? answer : answer.gpus.flatMap((g) => g.processes.map((p) => p.pid));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Opens amd-smi (ROCm 6 and later), or says why not. */
export async function openAmdSmi(options: AmdOptions, signal?: AbortSignal): Promise<GpuSource | GpuFailure> {
  const [asic, list, driver] = await Promise.all([
    runTool(options, ["static", "--asic", "--json"], signal),
    runTool(options, ["list", "--json"], signal),
    runTool(options, ["static", "--driver", "--json"], signal),
  ]);
  if (typeof asic !== "string") return asic;
  const named = perGpu(asic), listed = typeof list === "string" ? perGpu(list) : null;
  if (!named) return garbled(options.program, asic);
  const names = new Map(named.map((entry) => {
    const index = Number(entry.gpu);
    const uuid = String(listed?.find((e) => Number(e.gpu) === index)?.uuid ?? index);
    return [index, { name: String(recordOf(entry.asic).market_name ?? "AMD GPU"), uuid: `GPU-${uuid}` }];
  }));
  const version = typeof driver === "string" ? recordOf(perGpu(driver)?.[0]?.driver).version : null;
  return await openTool("amd-smi", options, async (s) => {
    const [metric, process] = await Promise.all([
      runTool(options, ["metric", "--mem-usage", "--usage", "--temperature", "--json"], s),
      runTool(options, ["process", "--json"], s),
    ]);
    if (typeof metric !== "string") return metric;
    const gpus = parseAmdSmi(metric, names);
    if (!gpus) return garbled(options.program, metric);
    const processes = typeof process === "string" ? parseAmdProcesses(process) : null;
    for (const gpu of gpus) {
      gpu.processesKnown = processes !== null;
      gpu.processes = processes?.get(gpu.index) ?? [];
    }
    return { gpus, driver: typeof version === "string" ? version : null };
  }, signal);
}

const rocmArgs = [
  "--showproductname",
  "--showuniqueid",
  "--showmeminfo",
  "vram",
  "--showuse",
  "--showtemp",
  "--showdriverversion",
  "--json",
];

/** Opens rocm-smi, or says why not. With several cards it does not tell which process is on which. */
export async function openRocmSmi(
  options: AmdOptions,
  signal?: AbortSignal,
): Promise<GpuSource | GpuFailure> {
  return await openTool("rocm-smi", options, async (s) => {
    const [output, pids] = await Promise.all([
      runTool(options, rocmArgs, s),
      runTool(options, ["--showpids", "--json"], s),
    ]);
    if (typeof output !== "string") return output;
    const parsed = parseRocmSmi(output);
    if (!parsed) return garbled(options.program, output);
    const processes = typeof pids === "string" ? parseRocmPids(pids) : null;
    const [gpu, ...more] = parsed.gpus;
    if (gpu && more.length === 0 && processes) Object.assign(gpu, { processes, processesKnown: true });
    return parsed;
  }, signal);
}
