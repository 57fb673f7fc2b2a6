/** The moment of the first CUDA context of our own services, seen by silent looks at the process list. Spec: §11; CONTRACT §10. */
import type { Clock } from "../../sys/clock.ts";
import { type GpuSource, isGpuFailure } from "../types.ts";

/**
 * Resolves with `clock.now()` at the first look that finds one of our processes computing on the GPU; null at once
 * without a GPU. Looks every 100 ms (NVML) or 2 s (tools); rejects with the signal's reason, so abort it when the boot ends.
 */
export async function watchFirstContext(
  { source, ourPids, clock, signal }: {
    source: GpuSource;
    /** Pids of all services' process trees, now. */
    ourPids: () => ReadonlySet<number>;
    clock: Clock;
    signal: AbortSignal;
  },
): Promise<number | null> {
  if (source.kind === "none") return null;
  const paceMs = source.kind === "nvml" ? 100 : 2000;
  for (;;) {
    const pids = await source.computePids(signal);
    if (!isGpuFailure(pids) && pids.length > 0) {
      const ours = ourPids();
      if (pids.some((pid) => ours.has(pid))) return clock.now();
    }
    await clock.sleep(paceMs, signal);
  }
}
