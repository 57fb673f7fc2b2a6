/** How long a service may take to become ready: as configured, or learned from earlier boots. Spec: §3, §9. */
import { otherReadySec } from "../config/defaults.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { ServicePlan } from "../model/plan.ts";

/** The last boots that count, and how many there must be before they do. */
const window = 20;
const enough = 5;
const margin = 1.5;
/** A boot with cold caches may take much longer than the warm ones that were seen: never under these. */
const floorMs = 5000;
const floorShare = 0.5;
/** A service that got slower and slower must fail in the end. */
const capShare = 3;

/**
 * The ready timeout of `name` in ms, and where it comes from. With `autotune_timeouts` and at least five successful
 * boots: p95 of the last twenty times to ready + 50 %, but not under 5 s or half of the configured value, and not
 * over three times the configured value. Where that is less than what is configured, a service that shows progress has
 * the configured time all the same: a first load from a cold disk is slow, not stuck.
 *
 * @param history times to ready (ms) of past successful boots, newest last
 */
export function planReadyTimeout(
  loaded: LoadedConfig,
  name: string,
  history: readonly number[],
): ServicePlan["readyTimeout"] {
  const { timeouts, autotune_timeouts } = loaded.config.loader;
  const key = `${name}_ready_sec`;
  const configured = 1000 * (timeouts[key] ?? otherReadySec);
  const source = loaded.given.has(`loader.timeouts.${key}`) ? "configured" : "default";
  const times = history.filter((ms) => Number.isFinite(ms) && ms >= 0).slice(-window);
  if (!autotune_timeouts || times.length < enough) return { value: configured, from: source };

  const learned = Math.ceil(p95(times) * margin);
  const words = `p95 of ${times.length} boots + 50 %`;
  const floor = Math.max(Math.min(floorMs, configured), configured * floorShare);
  const cap = configured * capShare;
  if (learned < floor) {
    return soft(floor, `${words}, raised to the least that ${seconds(configured)} allows`);
  }
  if (learned > cap) return { value: cap, from: `${words}, cut to 3 x ${source} ${seconds(configured)}` };
  return soft(learned, words);

  function soft(value: number, from: string): ServicePlan["readyTimeout"] {
    if (value >= configured) return { value, from };
    return {
      value,
      from: `${from}; up to ${seconds(configured)} while it progresses`,
      progressing: configured,
    };
  }
}

/** The nearest-rank 95th percentile. */
function p95(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  return ordered[Math.ceil(0.95 * ordered.length) - 1]!;
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
