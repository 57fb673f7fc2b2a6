/** Which of the machine's GPUs are meant: CUDA_VISIBLE_DEVICES and the configured index, as CUDA reads them. Spec: §5. */
import type { GpuFailure } from "../types.ts";

/** Which GPU is wanted. `index` null means every visible one; a `uuid` goes before the index. */
export interface GpuChoice {
  index: number | null;
  uuid?: string | undefined;
  /** The value of CUDA_VISIBLE_DEVICES (or AMD's word for it); undefined when it is not set. */
  visible: string | undefined;
  /** The variable's name, for messages. */
  variable: string;
}

/**
 * The visible ones of `all`, in the variable's order. As CUDA does it, the list ends at the first entry that names
 * nothing, a UUID may be cut short, and an entry that comes twice hides everything. Empty and "-1" hide everything too.
 */
export function visibleGpus<T extends { index: number; uuid: string }>(
  all: readonly T[],
  visible: string | undefined,
): T[] {
  if (visible === undefined) return [...all];
  const chosen: T[] = [];
  for (const entry of visible.split(",").map((e) => e.trim())) {
    const found = /^\d+$/.test(entry) ? all.find((g) => g.index === Number(entry)) : byUuid(all, entry);
    if (!found) break;
    if (chosen.includes(found)) return [];
    chosen.push(found);
  }
  return chosen;
}

function byUuid<T extends { uuid: string }>(all: readonly T[], prefix: string): T | undefined {
  if (!/^(GPU|MIG)-./i.test(prefix)) return undefined;
  const matches = all.filter((g) => g.uuid.toLowerCase().startsWith(prefix.toLowerCase()));
  return matches.length === 1 ? matches[0] : undefined;
}

/** The chosen GPUs, or why there is none: `index` counts within the visible ones. */
export function chooseGpus<T extends { index: number; uuid: string }>(
  all: readonly T[],
  { index, uuid, visible, variable }: GpuChoice,
): T[] | GpuFailure {
  const none = (message: string, hint: string): GpuFailure => ({ failure: "not_found", message, hint });
  if (all.length === 0) return none("the driver answers and lists no GPU", "see if it is plugged in: lspci");
  const seen = visibleGpus(all, visible);
  if (seen.length === 0) {
    return none(
      `${variable}="${visible}" hides ${all.length === 1 ? "the only GPU" : `all ${all.length} GPUs`}`,
      `unset it, or name one of ${all.map((g) => g.index).join(", ")}`,
    );
  }
  if (uuid !== undefined) {
    const found = byUuid(seen, uuid);
    return found
      ? [found]
      : none(`no visible GPU has the UUID ${uuid}`, `there are ${seen.map((g) => g.uuid).join(", ")}`);
  }
  if (index === null) return seen;
  const chosen = seen[index];
  if (chosen) return [chosen];
  const within = visible === undefined ? "" : ` within ${variable}="${visible}"`;
  return none(
    `gpu_index ${index} is not there: ${seen.length} GPU(s)${within}`,
    `use 0 to ${seen.length - 1}`,
  );
}
