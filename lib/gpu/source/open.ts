/** Finds the best way to ask for the GPU on this machine. Spec: §5. */
import type { Clock } from "../../sys/clock.ts";
import type { RunCommand } from "../../sys/process/command.ts";
import { openAmdSmi, openRocmSmi } from "./amd.ts";
import { failureLine } from "./errors.ts";
import { openNvidiaSmi } from "./nvidia_smi.ts";
import { openNvmlSource } from "./nvml.ts";
import { type GpuFailure, type GpuSource, isGpuFailure } from "../types.ts";

/** What {@link openGpu} needs to know. */
export interface OpenGpuOptions {
  /** `loader.gpu_index`: counts within the visible GPUs; null for all visible ones. */
  index: number | null;
  /** Goes before the index. May be cut short. */
  uuid?: string;
  /** The environment: CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES, ALEXA_NVML_PATH. */
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  signal?: AbortSignal;
  /** How tools are run. */
  run?: RunCommand | undefined;
  /** Programs to use instead of those on the PATH; limits in ms for one snapshot of the library and of a tool. */
  tools?: { nvidiaSmi?: string; amdSmi?: string; rocmSmi?: string };
  limits?: { nvmlMs?: number; toolMs?: number } | undefined;
}

/**
 * NVML, else nvidia-smi, else amd-smi, else rocm-smi, else a source of kind "none" whose `reasons` say why. Never
 * rejects, except with the signal's reason. The source is the caller's to dispose.
 */
export async function openGpu(options: OpenGpuOptions): Promise<GpuSource> {
  const { index, uuid, env, clock, signal, run, tools, limits } = options;
  const nvidia = { index, uuid, clock, visible: env.CUDA_VISIBLE_DEVICES, variable: "CUDA_VISIBLE_DEVICES" };
  const amdVariable =
    ["HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"].find((name) => env[name] !== undefined) ??
      "CUDA_VISIBLE_DEVICES"; // HIP honours CUDA's variable too
  const amd = {
    index,
    uuid,
    clock,
    run,
    visible: env[amdVariable],
    variable: amdVariable,
    limitMs: limits?.toolMs,
  };
  const ways = [
    () =>
      openNvmlSource({ ...nvidia, path: env.ALEXA_NVML_PATH || undefined, limitMs: limits?.nvmlMs }, signal),
    () =>
      openNvidiaSmi(
        { ...nvidia, run, program: tools?.nvidiaSmi ?? "nvidia-smi", limitMs: limits?.toolMs },
        signal,
      ),
    () => openAmdSmi({ ...amd, program: tools?.amdSmi ?? "amd-smi" }, signal),
    () => openRocmSmi({ ...amd, program: tools?.rocmSmi ?? "rocm-smi" }, signal),
  ];
  const failures: GpuFailure[] = [];
  for (const open of ways) {
    const source = await open();
    if (!isGpuFailure(source)) return withReasons(source, failures);
    failures.push(source);
    if (source.failure === "not_found") break; // it was asked and knows: another tool would only say it in other words
  }
  return noGpu(failures);
}

function withReasons(source: GpuSource, failures: GpuFailure[]): GpuSource {
  if (failures.length === 0) return source;
  return Object.assign(source, { reasons: failures.map((f) => f.message) });
}

/** The source for a machine without a GPU: it has a reason and no snapshots. */
export function noGpu(failures: GpuFailure[]): GpuSource {
  // What is not installed is worth a word only if nothing is: else the sentence is about what is there and fails.
  const telling = failures.filter((f) => f.failure !== "missing");
  const failure = telling.find((f) => f.failure === "not_found") ?? telling[0] ??
    {
      failure: "missing",
      message: failures.map((f) => f.message).join(", "),
      hint: failures[0]?.hint,
    } satisfies GpuFailure;
  return {
    kind: "none",
    description: "no GPU",
    driver: null,
    reasons: [failureLine(failure)],
    snapshot: () => Promise.resolve(failure),
    computePids: () => Promise.resolve(failure),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
