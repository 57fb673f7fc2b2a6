/** What `vram` shows: one look at the GPU, shared out to services and strangers. Spec: §5, §12 (`vram_snapshot`). */
import { attribute, type Attribution, type ServiceTrees } from "../decide/attribution.ts";
import { failureLine } from "../source/errors.ts";
import { type Gpu, type GpuSource, isGpuFailure } from "../types.ts";

/** One GPU with its share-out. */
export interface VramGpu {
  gpu: Gpu;
  attribution: Attribution;
}

/** `why` says in one sentence why there are no GPUs; null if there are. */
export interface VramReport {
  source: string;
  gpus: VramGpu[];
  why: string | null;
}

/** Asks the source once. Works without a running loader: then `trees` is empty and everybody is a stranger. */
export async function vramReport(
  { source, trees, commandOf, signal }: {
    source: GpuSource;
    trees?: ServiceTrees;
    /** Command line of a process: {@link commandOf}. */
    commandOf?: (pid: number) => string;
    signal?: AbortSignal;
  },
): Promise<VramReport> {
  const answer = await source.snapshot(signal);
  if (isGpuFailure(answer)) {
    const why = source.kind === "none" ? source.reasons.join(", ") : failureLine(answer);
    return { source: source.description, gpus: [], why };
  }
  const gpus = answer.gpus.map((gpu) => ({
    gpu,
    attribution: attribute({ at: answer.at, gpus: [gpu] }, trees, commandOf),
  }));
  return { source: source.description, gpus, why: null };
}
