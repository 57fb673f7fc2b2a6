/** Proof, after the warm-up, that a service's model is on the GPU and not silently on the CPU. Pure. Spec: §5. */
import { type ResidentModel, sameModel } from "../../protocols/ollama.ts";
import { heldBy } from "./attribution.ts";
import { type GpuSnapshot, mib, totals } from "../types.ts";

export type Residency =
  /** The memory is held; `message` is for DEBUG. */
  | { verdict: "gpu"; heldMib: number; message: string }
  /** Nothing or too little is held: WARNING, status, and what `on-failure` may do about it. Begins with "READY ON CPU". */
  | { verdict: "cpu" | "partial"; heldMib: number; message: string; hint: string }
  /** It cannot be told here (no GPU, no process list). */
  | { verdict: "unknown"; message: string };

const hint =
  "see the service's own log for why CUDA was not used, and if the driver was up before it started";

export interface ResidencyInput {
  /** Expected need in MiB; null if nothing is known, then any memory counts. */
  expectedMib: number | null;
  /** The service's process tree. */
  pids: ReadonlySet<number>;
  /** Before the service was started, and after its warm-up; null if the GPU could not be asked. */
  before: GpuSnapshot | null;
  after: GpuSnapshot | null;
}

/**
 * The tree must hold at least half of what is expected: predictions are rough, but a bare CUDA context (a few hundred
 * MiB) is not a model. Where the driver names no processes or no figures (WSL, containers), growth of the whole GPU counts.
 */
export function judgeResidency({ expectedMib, pids, before, after }: ResidencyInput): Residency {
  if (!after) return { verdict: "unknown", message: "the GPU could not be asked" };
  const enough = expectedMib === null ? 1 : expectedMib / 2;
  const held = heldBy(after, pids);
  if (held !== null && held >= enough) return onGpu(held, "held by its processes");
  const grown = before ? totals(after).usedMib - totals(before).usedMib : 0;
  const listed = after.gpus.some((g) => g.processes.some((p) => pids.has(p.pid)));
  const figuresKnown = after.gpus.every((g) =>
    g.processesKnown && g.processes.every((p) => p.usedMib !== null)
  );
  const explained = after.gpus.flatMap((g) => g.processes).reduce((sum, p) => {
    const earlier = before ? heldBy(before, new Set([p.pid])) ?? 0 : 0;
    return pids.has(p.pid) ? sum : sum + Math.max(0, (p.usedMib ?? 0) - earlier);
  }, 0); // growth that strangers own up to is not ours
  if (before && grown - explained >= Math.max(enough, 64)) {
    return onGpu(grown - explained, "by growth of the GPU's use");
  }
  if (held === null && listed) {
    return { verdict: "unknown", message: "it is on the GPU; the driver does not tell with how much" };
  }
  if (held === null && !figuresKnown) {
    return { verdict: "unknown", message: "the driver lists no processes with their memory" };
  }
  const expected = expectedMib === null ? "some was expected" : `about ${expectedMib} MiB were expected`;
  const verdict = held === null || held === 0 ? "cpu" : "partial";
  return {
    verdict,
    heldMib: held ?? 0,
    message: `READY ON CPU: it holds ${held ?? 0} MiB of VRAM, ${expected}`,
    hint,
  };
}

function onGpu(heldMib: number, how: string): Residency {
  return { verdict: "gpu", heldMib, message: `on the GPU with ${heldMib} MiB (${how})` };
}

/** The same from what Ollama itself lists as loaded: the model's memory is its own process's, often another service's. */
export function judgeOllama(model: string, loaded: readonly ResidentModel[]): Residency {
  const found = loaded.find((resident) => sameModel(model, resident.name));
  if (!found) return { verdict: "unknown", message: `Ollama does not list ${model} as loaded` };
  const heldMib = mib(found.sizeVram), wholeMib = mib(found.size);
  if (found.sizeVram >= found.size && found.size > 0) return onGpu(heldMib, "by Ollama's /api/ps");
  const message = `READY ON CPU: Ollama holds ${heldMib} MiB of ${wholeMib} MiB of ${model} in VRAM`;
  const hint = "make room on the GPU, lower kv_cache_tokens, or see Ollama's log for why CUDA was not used";
  return { verdict: heldMib === 0 ? "cpu" : "partial", heldMib, message, hint };
}
