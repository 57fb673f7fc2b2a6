/** Whether a service will fit into the GPU before it is started, and what to do if not. Spec: §5; CONTRACT §1. */
import type { Clock } from "../../sys/clock.ts";
import { attribute, holdersLine, type ServiceTrees } from "./attribution.ts";
import type { GpuLog } from "../watch/monitor.ts";
import { type GpuSnapshot, isGpuFailure, type Snapshots, totals } from "../types.ts";

/** How much memory a service is expected to take, and where the figure comes from, in words. */
export interface Need {
  mib: number;
  from: string;
}

/** The configured `vram_mb`, else the 95th percentile of the peaks of earlier boots; null if nothing is known. */
export function predictNeed(vramMb: number | null, peaks: readonly number[]): Need | null {
  if (vramMb !== null) return { mib: vramMb, from: "vram_mb" };
  const sorted = peaks.filter((p) => Number.isFinite(p) && p > 0).sort((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1];
  if (p95 === undefined) return null;
  return { mib: p95, from: sorted.length === 1 ? "seen in 1 boot" : `p95 of ${sorted.length} boots` };
}

/** What the boots of the history say a service took: the growth at its own stage. The newest `limit` boots (default 20). */
export function peaksOf(
  records: readonly { vram: readonly { stage: string; delta_mib: number }[] }[],
  service: string,
  limit = 20,
): number[] {
  return records.slice(-limit).flatMap((r) =>
    r.vram.filter((v) => v.stage === service).map((v) => v.delta_mib)
  )
    .filter((delta) => delta > 0);
}

export interface AdmissionInput {
  service: string;
  need: Need | null;
  /** Null if the GPU cannot be asked: then everything is admitted. */
  snapshot: GpuSnapshot | null;
  trees?: ServiceTrees;
  commandOf?: (pid: number) => string;
}

export type Admission =
  | { ok: true; needMib: number | null; freeMib: number | null }
  | { ok: false; needMib: number; freeMib: number; missingMib: number; holders: string; message: string };

/** Compares the need with what is free now. The message names who holds the memory. Pure. */
export function admit({ service, need, snapshot, trees, commandOf }: AdmissionInput): Admission {
  const freeMib = snapshot ? totals(snapshot).freeMib : null;
  if (!need || !snapshot || freeMib === null || need.mib <= freeMib) {
    return { ok: true, needMib: need?.mib ?? null, freeMib };
  }
  const holders = holdersLine(attribute(snapshot, trees, commandOf)) || "no process that can be seen";
  const message = `VRAM short for ${service}: it needs ${need.mib} MiB (${need.from}), ${freeMib} MiB of ` +
    `${totals(snapshot).totalMib} MiB are free; held by ${holders}`;
  return { ok: false, needMib: need.mib, freeMib, missingMib: need.mib - freeMib, holders, message };
}

/**
 * What will not fit if these services are started in this order now, a sentence each. One that holds memory already
 * needs no more; one that fits leaves less to those behind it. Pure.
 */
export function forecast(
  needs: readonly { service: string; need: Need | null }[],
  { snapshot, trees, commandOf }: Pick<AdmissionInput, "trees" | "commandOf"> & { snapshot: GpuSnapshot },
): string[] {
  const now = attribute(snapshot, trees, commandOf);
  const holders = holdersLine(now) || "no process that can be seen";
  let left = totals(snapshot).freeMib;
  const before: string[] = [];
  return needs.flatMap(({ service, need }) => {
    if (!need || now.services.some((held) => held.service === service)) return [];
    if (need.mib <= left) {
      left -= need.mib;
      before.push(`${service} ${need.mib} MiB`);
      return [];
    }
    const planned = before.length > 0 ? ` after ${before.join(", ")}` : "";
    return [
      `VRAM will be short for ${service}: it needs ${need.mib} MiB (${need.from}), ${left} MiB of ` +
      `${totals(snapshot).totalMib} MiB are left${planned}; held now by ${holders}`,
    ];
  });
}

/** What to do with a service: start it, or stop the boot with this message. */
export type AdmissionDecision = { start: true; short: boolean } | {
  start: false;
  message: string;
  hint: string;
};

/**
 * Applies `on_vram_short` to one service before its start. `warn` starts it with a WARNING; `wait` looks again every
 * 500 ms for at most `waitMs` and then does as `warn`; `fail` refuses. Uses `first` (the stage's own snapshot) for the
 * first comparison, so an admission that passes costs no look at the GPU. Rejects only with the signal's reason.
 */
export async function decideAdmission(
  input: Omit<AdmissionInput, "snapshot"> & { first: GpuSnapshot | null; source: Snapshots },
  { onShort, waitMs, clock, log, signal }: {
    onShort: "warn" | "wait" | "fail";
    waitMs: number;
    clock: Clock;
    log: GpuLog;
    signal: AbortSignal;
  },
): Promise<AdmissionDecision> {
  let verdict = admit({ ...input, snapshot: input.first });
  if (verdict.ok) return { start: true, short: false };
  const hint = `free the GPU, lower vram_mb of ${input.service}, or set on_vram_short: warn`;
  if (onShort === "fail") return { start: false, message: verdict.message, hint };
  log(
    "WARNING",
    `${verdict.message}; ${
      onShort === "warn" ? "starting it all the same" : `waiting up to ${waitMs / 1000} s`
    }`,
  );
  if (onShort === "warn") return { start: true, short: true };
  const begin = clock.now();
  while (clock.now() - begin < waitMs) {
    await clock.sleep(Math.min(500, waitMs - (clock.now() - begin)), signal);
    const answer = await input.source.snapshot(signal);
    if (isGpuFailure(answer)) continue; // the monitor tells of a lost GPU; here it is one more reason to wait
    verdict = admit({ ...input, snapshot: answer });
    if (!verdict.ok) continue;
    const waited = ((clock.now() - begin) / 1000).toFixed(1);
    log("INFO", `VRAM for ${input.service} is free after ${waited}s: ${verdict.freeMib} MiB`);
    return { start: true, short: false };
  }
  log("WARNING", `VRAM still short for ${input.service} after ${waitMs / 1000} s; starting it all the same`);
  return { start: true, short: true };
}
