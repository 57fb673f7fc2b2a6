/** One boot in a few words, measured by the boots before it: "llm load 2.1x its p95, page cache cold". Spec: §11. */
import { ownTime } from "./chain.ts";
import { isSuccess, percentile } from "./figures.ts";
import type { BootRecord, ServiceFigures } from "../model/boot_record.ts";

/** Boots that a boot is measured by: the last ones of the same services, adopted ones left out. */
const WINDOW = 20;
/** Fewer say nothing about what is usual. */
const ENOUGH = 3;
/** Slower than this times the p95, and by more than this many ms, is worth a word. */
const SLOWER = 1.25;
const SLOWER_MS = 100;
/** The page cache is cold when less than this share of a service's model files was in it. */
const COLD = 0.5;

const STAGES = [
  ["time_to_ready_ms", "load"],
  ["warmup_ms", "warm-up"],
] as const;

/** "2.1x", "39x"; more than a hundred times says nothing more precise (the usual may be next to nothing). */
function times(ms: number, usual: number): string {
  const ratio = ms / usual;
  return ratio < 10 ? `${ratio.toFixed(1)}x` : ratio < 100 ? `${Math.round(ratio)}x` : "over 100x";
}

const plural = (n: number, word: string) => `${n} ${word}${n === 1 ? "" : "s"}`;

function figuresOf(records: readonly BootRecord[], name: string): ServiceFigures[] {
  return records.flatMap((r) =>
    r.services.filter((s) => s.name === name && s.outcome === "up" && !s.adopted)
  );
}

/** What slowed a boot most: words, and how many ms more than the p95. */
interface Excess {
  what: string;
  ms: number;
  service: ServiceFigures | null;
}

function excess(
  what: string,
  ms: number | null,
  usual: number[],
  service: ServiceFigures | null,
): Excess | null {
  const p95 = percentile(usual, 95);
  if (ms === null || p95 === null || usual.length < ENOUGH) return null;
  if (ms <= p95 * SLOWER || ms - p95 <= SLOWER_MS) return null;
  return { what: `${what} ${times(ms, p95)} its p95`, ms: ms - p95, service };
}

/** Why a service may have been slow, as far as the figures tell. */
function causes(
  service: ServiceFigures,
  record: BootRecord,
  usual: ServiceFigures[],
  before: BootRecord | undefined,
): string[] {
  const found: string[] = [];
  if (service.cached_share !== null && service.cached_share < COLD) {
    found.push("page cache cold");
  } else if (service.prepared_bytes === null && usual.every((each) => each.prepared_bytes !== null)) {
    found.push("not prepared this time");
  }
  if (service.attempts > 1) found.push(`${service.attempts} attempts`);
  if (before && before.versions.driver !== record.versions.driver) {
    found.push(`driver ${before.versions.driver ?? "none"} -> ${record.versions.driver ?? "none"}`);
  }
  if (before && before.version !== record.version) {
    found.push(`loader ${before.version} -> ${record.version}`);
  }
  return found;
}

function broken(record: BootRecord): string {
  const failed = record.services.filter((service) => service.outcome === "failed");
  const why = failed.map(({ name, attempts }) => `${name} failed after ${plural(attempts, "attempt")}`).join(
    ", ",
  );
  if (record.outcome === "stopped") {
    return why ? `stopped before it was ready; ${why}` : "stopped before it was ready";
  }
  return why || `${record.outcome}, no service failed`;
}

/** The verdict on `record`, whose `earlier` boots are given oldest first. One line. */
export function verdict(record: BootRecord, earlier: readonly BootRecord[]): string {
  if (!isSuccess(record)) return broken(record);
  const usual = earlier.filter(isSuccess).slice(-WINDOW);
  const words: string[] = [];
  const found: Excess[] = [];
  for (const service of record.services.filter((each) => each.outcome === "up" && !each.adopted)) {
    const before = figuresOf(usual, service.name);
    for (const [figure, word] of STAGES) {
      const values = before.map((each) => each[figure]).filter((ms) => ms !== null);
      const slow = excess(`${service.name} ${word}`, service[figure], values, service);
      if (slow) found.push(slow);
    }
  }
  const own = excess("loader's own time", ownTime(record).ms, usual.map((each) => ownTime(each).ms), null);
  if (own) found.push(own);
  found.sort((a, b) => b.ms - a.ms);
  const worst = found.at(0);
  if (worst) {
    words.push(worst.what);
    if (worst.service) {
      words.push(...causes(worst.service, record, figuresOf(usual, worst.service.name), usual.at(-1)));
    }
    if (found.length > 1) words.push(`${plural(found.length - 1, "other stage")} slow`);
  }
  for (const { name, attempts } of record.services) {
    if (attempts > 1 && name !== worst?.service?.name) {
      words.push(`${name} took ${plural(attempts, "attempt")}`);
    }
  }
  return words.length > 0
    ? words.join(", ")
    : onTheWhole(record.total_boot_ms, usual.map((each) => each.total_boot_ms!));
}

function onTheWhole(total: number, usual: number[]): string {
  const median = percentile(usual, 50);
  if (median === null) return "first boot";
  if (usual.length < ENOUGH) return `ok (${plural(usual.length, "boot")} to compare with)`;
  const p95 = percentile(usual, 95)!;
  if (total > p95 * SLOWER && total - p95 > SLOWER_MS) {
    return `${times(total, p95)} the p95, no single stage stands out`;
  }
  if (total < median / SLOWER && median - total > SLOWER_MS) {
    return `fast: ${times(total, median)} the median`;
  }
  return "as usual";
}
