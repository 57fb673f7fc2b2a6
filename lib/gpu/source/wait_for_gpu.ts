/**
 * Waits until the GPU can be computed on. Servers that start before the driver is up fall back to the CPU without a
 * word, so nothing that needs the GPU may start earlier. Spec: §5; CONTRACT §1 (`wait_for_gpu_sec`).
 */
import type { Clock } from "../../sys/clock.ts";
import { pathExists } from "../../sys/gpu_device.ts";
import type { GpuLog } from "../watch/monitor.ts";
import type { GpuSource } from "../types.ts";

/** One of these is there when CUDA can start: a plain machine, WSL, a Jetson. */
export const computeDevices: readonly string[] = ["/dev/nvidia-uvm", "/dev/dxg", "/dev/nvmap"];

export type GpuWait =
  | { ok: true; source: GpuSource; waitedMs: number }
  /** `source` is what there is now, often one of kind "none"; it too is the caller's to dispose. */
  | { ok: false; source: GpuSource; waitedMs: number; message: string; hint: string };

/**
 * Opens the GPU again and again (`open` is usually a bound `openGpu`) until the driver answers, the device is listed
 * and its compute node exists, at most `waitMs`. Says once that it waits, and once when it is over.
 */
export async function waitForGpu(
  { open, waitMs, clock, log, signal, devices = computeDevices }: {
    open: () => Promise<GpuSource>;
    waitMs: number;
    clock: Clock;
    log: GpuLog;
    signal: AbortSignal;
    /** Paths of which one must exist for an NVIDIA GPU; replaced in tests. */
    devices?: readonly string[];
  },
): Promise<GpuWait> {
  const begin = clock.now();
  let pause = 100;
  let told = false;
  for (;;) {
    const source = await open();
    const waitedMs = clock.now() - begin;
    const reason = whatIsMissing(source, devices);
    if (!reason) {
      if (told) log("INFO", `GPU ready after ${(waitedMs / 1000).toFixed(1)}s: ${source.description}`);
      return { ok: true, source, waitedMs };
    }
    if (waitedMs >= waitMs) {
      const message = `no GPU to compute on within ${waitMs / 1000} s: ${reason.message}`;
      return { ok: false, source, waitedMs, message, hint: reason.hint };
    }
    try {
      if (!told) log("INFO", `Waiting up to ${waitMs / 1000} s for the GPU: ${reason.message}`);
      told = true;
      await clock.sleep(Math.min(pause, waitMs - waitedMs), signal);
    } finally {
      await source[Symbol.asyncDispose]();
    }
    pause = Math.min(pause * 2, 1000);
  }
}

function whatIsMissing(
  source: GpuSource,
  devices: readonly string[],
): { message: string; hint: string } | null {
  const hint = "set gpu: optional or none for the services that can do without it";
  if (source.kind === "none") return { message: source.reasons.join(", "), hint };
  if (source.kind !== "nvml" && source.kind !== "nvidia-smi") return null;
  if (devices.some(pathExists)) return null;
  return {
    message: `${source.description} answers, but ${devices[0]} is not there`,
    hint:
      "load the module: sudo nvidia-modprobe -u -c=0, or sudo modprobe nvidia_uvm; in a container pass the device on",
  };
}
