/** What is known about GPUs, whoever told it. Memory in MiB (2^20 bytes), temperatures in degrees Celsius. Spec: §5. */

/** A process that holds GPU memory. `usedMib` is null where the driver does not tell (WSL, some permissions). */
export interface GpuProcess {
  pid: number;
  usedMib: number | null;
  kind: "compute" | "graphics";
}

export interface Gpu {
  /** The tool's own index (NVML: order of the PCI bus), whatever CUDA_VISIBLE_DEVICES makes of it. */
  index: number;
  uuid: string;
  name: string;
  totalMib: number;
  usedMib: number;
  freeMib: number;
  /** Percent of time in which the GPU worked; null where it cannot be told. */
  utilisation: number | null;
  temperatureC: number | null;
  processes: GpuProcess[];
  /** False where no process list can be had at all: then an empty `processes` means nothing. */
  processesKnown: boolean;
}

/** One look. `at` is the clock's monotonic time in ms. */
export interface GpuSnapshot {
  at: number;
  gpus: Gpu[];
}

export type GpuFailureKind =
  /** The library or tool is not there. */
  | "missing"
  /** It is there and cannot be used: wrong architecture, missing symbol. */
  | "unusable"
  /** The driver answers with an error. */
  | "driver"
  /** The GPU was there and is gone, or must be opened anew. */
  | "lost"
  /** No answer in time. */
  | "timeout"
  /** An answer that makes no sense. */
  | "garbled"
  /** The configured GPU is not among those that are there and visible. */
  | "not_found"
  /** This GPU does not offer what was asked. */
  | "unsupported";

/** Why there is no snapshot: one sentence, and what to do about it. */
export interface GpuFailure {
  failure: GpuFailureKind;
  message: string;
  hint?: string | undefined;
  /** NVML's own code, where it was NVML. */
  code?: number;
}

/** Where snapshots come from. Calls may overlap; the source puts them in order. */
export interface GpuSource extends AsyncDisposable {
  readonly kind: "nvml" | "nvidia-smi" | "amd-smi" | "rocm-smi" | "none";
  /** "NVIDIA GeForce RTX 4090, driver 550.54"; "no GPU" for the source that has none. */
  readonly description: string;
  /** Driver version, null where there is none. */
  readonly driver: string | null;
  /** Why it is not a better source, half a sentence each; empty for NVML. */
  readonly reasons: readonly string[];
  /** Never rejects, except with the signal's reason when it is aborted. */
  snapshot(signal?: AbortSignal): Promise<GpuSnapshot | GpuFailure>;
  /** Only the pids that compute on the GPUs: the cheapest question there is, for {@link watchFirstContext}. */
  computePids(signal?: AbortSignal): Promise<number[] | GpuFailure>;
}

/** The part of a source that most consumers need. */
export type Snapshots = Pick<GpuSource, "snapshot">;

/** True if the answer says why there is none. */
export function isGpuFailure(answer: object): answer is GpuFailure {
  return "failure" in answer;
}

/** Whole MiB of a number of bytes, rounded to the nearest. */
export function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

/** Total, used and free of all GPUs of a snapshot together. */
export function totals(snapshot: GpuSnapshot): { totalMib: number; usedMib: number; freeMib: number } {
  const sum = { totalMib: 0, usedMib: 0, freeMib: 0 };
  for (const gpu of snapshot.gpus) {
    sum.totalMib += gpu.totalMib;
    sum.usedMib += gpu.usedMib;
    sum.freeMib += gpu.freeMib;
  }
  return sum;
}

/** "+512 MiB", "-64 MiB", "+0 MiB". */
export function signedMib(mib: number): string {
  return `${mib < 0 ? "" : "+"}${mib} MiB`;
}
