/** Snapshots from the output of nvidia-smi, where its library cannot be used. Each one runs it twice. Spec: §5. */
import type { Clock } from "../../sys/clock.ts";
import { garbled, runTool, type ToolOptions } from "./tool.ts";
import {
  type Gpu,
  type GpuFailure,
  type GpuProcess,
  type GpuSnapshot,
  type GpuSource,
  isGpuFailure,
} from "../types.ts";
import { chooseGpus, type GpuChoice } from "./visible.ts";

const gpuQuery =
  "index,uuid,memory.total,memory.used,memory.free,utilization.gpu,temperature.gpu,driver_version,name";
const processQuery = "gpu_uuid,pid,used_memory";
const csv = "--format=csv,noheader,nounits";

type ListedGpu = Omit<Gpu, "processes" | "processesKnown"> & { driver: string };

/** "[N/A]", "[Not Supported]", "[Insufficient Permissions]" and the like stand for "cannot be told". */
function optional(field: string): number | null {
  return /^\d+$/.test(field) ? Number(field) : null;
}

/** Reads the answer to the question for GPUs; null if a line is cut off or not a line of ours. */
export function parseGpus(output: string): ListedGpu[] | null {
  const gpus: ListedGpu[] = [];
  for (const line of wholeLines(output) ?? [""]) {
    const [index = "", uuid, total = "", used = "", free = "", ...more] = line.split(",").map((f) =>
      f.trim()
    );
    const [utilisation = "", temperature = "", driver = "", ...name] = more;
    const memory = [total, used, free].map(optional);
    if (!/^\d+$/.test(index) || !uuid || memory.includes(null) || name.length === 0) return null;
    gpus.push({
      index: Number(index),
      uuid,
      name: name.join(", "),
      totalMib: memory[0]!,
      usedMib: memory[1]!,
      freeMib: memory[2]!,
      utilisation: optional(utilisation),
      temperatureC: optional(temperature),
      driver,
    });
  }
  return gpus;
}

/** Reads the answer to the question for processes, by GPU; null if a line is cut off or not a line of ours. */
export function parseProcesses(output: string): Map<string, GpuProcess[]> | null {
  const byGpu = new Map<string, GpuProcess[]>();
  if (output.trim() === "") return byGpu;
  for (const line of wholeLines(output) ?? [""]) {
    const [uuid, pid, used] = line.split(",").map((f) => f.trim());
    if (!uuid || !/^\d+$/.test(pid ?? "") || !used) return null;
    const list = byGpu.get(uuid) ?? [];
    list.push({ pid: Number(pid), usedMib: optional(used), kind: "compute" });
    byGpu.set(uuid, list);
  }
  return byGpu;
}

/** The lines, all of them ended; null if the last one is not: a number that was cut off still looks like a number. */
function wholeLines(output: string): string[] | null {
  if (!output.endsWith("\n")) return null;
  return output.split("\n").map((l) => l.trim()).filter((l) => l !== "");
}

/** How the nvidia-smi source is opened. */
export interface NvidiaSmiOptions extends GpuChoice, ToolOptions {
  clock: Clock;
}

/** Asks once and keeps the answer's names, or says why it cannot be used. */
export async function openNvidiaSmi(
  options: NvidiaSmiOptions,
  signal?: AbortSignal,
): Promise<GpuSource | GpuFailure> {
  const listed = await listGpus(options, signal);
  if (isGpuFailure(listed)) return listed;
  const driver = listed[0]?.driver ?? null;
  return {
    kind: "nvidia-smi",
    description: `${listed.map((g) => g.name).join(" and ")}, driver ${driver}`,
    driver,
    reasons: [],
    snapshot: (s) => snapshot(options, s),
    computePids: async (s) => {
      const processes = await listProcesses(options, s);
      return isGpuFailure(processes) ? processes : [...processes.values()].flat().map((p) => p.pid);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function listGpus(options: NvidiaSmiOptions, signal?: AbortSignal): Promise<ListedGpu[] | GpuFailure> {
  const output = await runTool(options, [`--query-gpu=${gpuQuery}`, csv], signal);
  if (typeof output !== "string") return output;
  if (/no devices were found/i.test(output)) {
    return { failure: "lost", message: `${options.program} finds no GPU` };
  }
  const gpus = parseGpus(output);
  return gpus ? chooseGpus(gpus, options) : garbled(options.program, output);
}

async function listProcesses(
  options: NvidiaSmiOptions,
  signal?: AbortSignal,
): Promise<Map<string, GpuProcess[]> | GpuFailure> {
  const output = await runTool(options, [`--query-compute-apps=${processQuery}`, csv], signal);
  if (typeof output !== "string") return output;
  return parseProcesses(output) ?? garbled(options.program, output);
}

async function snapshot(options: NvidiaSmiOptions, signal?: AbortSignal): Promise<GpuSnapshot | GpuFailure> {
  const [gpus, processes] = await Promise.all([listGpus(options, signal), listProcesses(options, signal)]);
  if (isGpuFailure(gpus)) return gpus;
  const known = !isGpuFailure(processes);
  return {
    at: options.clock.now(),
    gpus: gpus.map(({ driver: _, ...gpu }) => ({
      ...gpu,
      processes: known ? processes.get(gpu.uuid) ?? [] : [],
      processesKnown: known,
    })),
  };
}
