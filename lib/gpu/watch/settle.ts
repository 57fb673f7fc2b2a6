/** Waits, after a service was stopped, until its GPU memory is back: the driver gives it back later than the process ends. Spec: §5; CONTRACT §7. */
import type { Clock } from "../../sys/clock.ts";
import { attribute, heldBy, holdersLine } from "../decide/attribution.ts";
import { type GpuSnapshot, isGpuFailure, type Snapshots, totals } from "../types.ts";

/** `missingMib` is what did not come back in time; `message` says so, "" if all is back. */
export interface Settled {
  ok: boolean;
  waitedMs: number;
  missingMib: number;
  message: string;
}

const TOLERANCE_MIB = 32;

/**
 * How much of what `pids` held in `before` is still not back in `now`: what they are still listed with, or what the
 * GPU's use did not fall by, less what other processes took meanwhile. Pure.
 */
export function notBack(before: GpuSnapshot, now: GpuSnapshot, pids: ReadonlySet<number>): number {
  const held = heldBy(before, pids) ?? 0;
  const still = heldBy(now, pids) ?? 0;
  const others = (s: GpuSnapshot) =>
    s.gpus.flatMap((g) => g.processes).reduce((sum, p) => pids.has(p.pid) ? sum : sum + (p.usedMib ?? 0), 0);
  const othersGrew = Math.max(0, others(now) - others(before));
  const stuck = totals(now).usedMib - (totals(before).usedMib - held) - othersGrew;
  const missing = Math.max(still, Math.min(held, stuck));
  return missing <= TOLERANCE_MIB ? 0 : missing;
}

/**
 * Looks every 50 ms, widening to 500 ms, for at most `limitMs`. `before` is the last snapshot while the service was up
 * and `pids` its tree then. Returns at once if it held nothing. Rejects only with the signal's reason.
 */
export async function settle(
  { source, service, before, pids, limitMs, clock, signal, commandOf }: {
    source: Snapshots;
    service: string;
    before: GpuSnapshot | null;
    pids: ReadonlySet<number>;
    limitMs: number;
    clock: Clock;
    signal: AbortSignal;
    commandOf?: (pid: number) => string;
  },
): Promise<Settled> {
  const back = (waitedMs: number): Settled => ({ ok: true, waitedMs, missingMib: 0, message: "" });
  if (!before || !heldBy(before, pids)) return back(0);
  const begin = clock.now();
  let pause = 50;
  for (;;) {
    const now = await source.snapshot(signal);
    const waitedMs = clock.now() - begin;
    const missingMib = isGpuFailure(now) ? 0 : notBack(before, now, pids);
    if (missingMib === 0) return back(waitedMs); // with the GPU lost there is nothing to wait for
    if (waitedMs >= limitMs) {
      const holders = isGpuFailure(now) ? "" : holdersLine(attribute(now, new Map(), commandOf));
      const message =
        `${missingMib} MiB of VRAM of ${service} are not back after ${(waitedMs / 1000).toFixed(1)} s` +
        (holders ? `; on the GPU: ${holders}` : "");
      return { ok: false, waitedMs, missingMib, message };
    }
    await clock.sleep(Math.min(pause, limitMs - waitedMs), signal);
    pause = Math.min(pause * 2, 500);
  }
}
