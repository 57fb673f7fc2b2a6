/** Snapshots written down by hand, for the parts that only decide upon them. */
import type { GpuFailure, GpuSnapshot, GpuSource } from "../../../lib/gpu/types.ts";

/** One GPU of 24576 MiB; `used` beyond what the processes hold is nobody's. Figures of null: the driver does not tell. */
export function shot(
  used: number,
  processes: Record<number, number | null> = {},
  processesKnown = true,
): GpuSnapshot {
  return {
    at: 0,
    gpus: [{
      index: 0,
      uuid: "GPU-0",
      name: "NVIDIA GeForce RTX 4090",
      totalMib: 24576,
      usedMib: used,
      freeMib: 24576 - used,
      utilisation: 7,
      temperatureC: 45,
      processes: Object.entries(processes).map(([pid, usedMib]) => ({
        pid: Number(pid),
        usedMib,
        kind: "compute",
      })),
      processesKnown,
    }],
  };
}

/** A source that answers with these in turn, the last one for ever. */
export function scripted(
  answers: (GpuSnapshot | GpuFailure)[],
  kind: GpuSource["kind"] = "nvml",
): GpuSource & { asked: number } {
  const source = {
    kind,
    description: "NVIDIA GeForce RTX 4090, driver 550.54",
    driver: "550.54",
    reasons: kind === "none" ? ["the NVIDIA driver is not loaded"] : [],
    asked: 0,
    snapshot: () => Promise.resolve(answers[Math.min(source.asked++, answers.length - 1)]!),
    computePids: async () => {
      const answer = await source.snapshot();
      return "failure" in answer ? answer : answer.gpus.flatMap((g) => g.processes.map((p) => p.pid));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return source;
}

export const lost: GpuFailure = { failure: "lost", message: "the GPU has fallen off the bus" };
