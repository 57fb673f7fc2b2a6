/**
 * Watches the GPU through a boot and the time after it. While booting it looks exactly once per stage; afterwards it
 * polls. A GPU that disappears and comes back is told once each. Spec: §5, §8, §11.
 */
import type { Clock } from "../../sys/clock.ts";
import { isAbort } from "../../sys/clock.ts";
import { attribute, heldBy, holdersLine } from "../decide/attribution.ts";
import { failureLine } from "../source/errors.ts";
import {
  type GpuFailure,
  type GpuSnapshot,
  type GpuSource,
  isGpuFailure,
  signedMib,
  totals,
} from "../types.ts";

/** Writes a line under LOADER. */
export type GpuLog = (level: "INFO" | "WARNING" | "DEBUG", message: string) => void;

export interface GpuMonitorOptions {
  source: GpuSource;
  clock: Clock;
  log: GpuLog;
  /** `vram_log_deltas_only`: while polling, only changes of at least `thresholdMib` (default 64) are logged. */
  deltasOnly: boolean;
  thresholdMib?: number;
  /** `clock.now()` at the program's own start (default 0): `at_ms` counts from it. */
  startedAt?: number;
  /** Told of every look that succeeded, logged or not: leak watch, status, metrics. Must not throw. */
  onSnapshot?: (snapshot: GpuSnapshot) => void;
  /** Command line of a process, for what is not given back at the end: {@link commandOf}. */
  commandOf?: (pid: number) => string;
}

/** One stage of the boot, as in the boot record. */
export interface VramPoint {
  stage: string;
  at_ms: number;
  used_mib: number;
  delta_mib: number;
}

/** What the last look found. */
export interface FinalVram {
  usedMib: number;
  /** More than at the baseline by more than the threshold, or 0. */
  missingMib: number;
  /** Who holds it, in words; "" if nothing is missing. */
  heldBy: string;
}

const HISTORY_LIMIT = 256; // a service that restarts all day must not fill the memory with its stages

/** Made before the boot, disposed after the stop. Without a GPU all its methods do nothing. */
export class GpuMonitor implements AsyncDisposable {
  readonly #o: GpuMonitorOptions;
  readonly #threshold: number;
  readonly #history: VramPoint[] = [];
  readonly #stop = new AbortController();
  #polling: Promise<void> | null = null;
  #latest: GpuSnapshot | null = null;
  #baseline: GpuSnapshot | null = null;
  #lost: GpuFailure | null = null;
  #toldMib: number | null = null;

  constructor(options: GpuMonitorOptions) {
    this.#o = options;
    this.#threshold = options.thresholdMib ?? 64;
  }

  /** The stages so far, oldest first, at most 256. */
  get history(): readonly VramPoint[] {
    return this.#history;
  }

  /** The last snapshot that succeeded; admission and status use it instead of asking again. */
  get latest(): GpuSnapshot | null {
    return this.#latest;
  }

  /** The first snapshot: what was in use before anything was started. */
  get baseline(): GpuSnapshot | null {
    return this.#baseline;
  }

  /** Why the GPU cannot be asked now; null while it can. */
  get lost(): GpuFailure | null {
    return this.#lost;
  }

  /**
   * One snapshot, logged as "VRAM after <stage>: …" and kept in the history. Null without a GPU or if it is lost. A look
   * that is not older than `maxAgeMs` is taken for it.
   */
  async stage(stage: string, signal?: AbortSignal, maxAgeMs = 0): Promise<GpuSnapshot | null> {
    const snapshot = await this.look(signal, maxAgeMs);
    if (!snapshot) return null;
    const { usedMib, totalMib } = totals(snapshot);
    const delta = usedMib - (this.#toldMib ?? usedMib);
    this.#toldMib = usedMib;
    this.#baseline ??= snapshot;
    const at_ms = Math.round(snapshot.at - (this.#o.startedAt ?? 0));
    this.#history.push({ stage, at_ms, used_mib: usedMib, delta_mib: delta });
    if (this.#history.length > HISTORY_LIMIT) this.#history.shift();
    this.#o.log("INFO", `VRAM after ${stage}: used ${usedMib} MiB of ${totalMib} MiB (${signedMib(delta)})`);
    return snapshot;
  }

  /** One snapshot that is neither logged nor kept in the history; tells of a GPU that is lost or back. */
  async look(signal?: AbortSignal, maxAgeMs = 0): Promise<GpuSnapshot | null> {
    if (this.#o.source.kind === "none") return null;
    const latest = this.#lost ? null : this.#latest;
    if (latest && maxAgeMs > 0 && this.#o.clock.now() - latest.at <= maxAgeMs) return latest;
    const answer = await this.#o.source.snapshot(signal);
    if (isGpuFailure(answer)) {
      if (!this.#lost) this.#o.log("WARNING", `GPU lost: ${failureLine(answer)}`);
      this.#lost = answer;
      return null;
    }
    if (this.#lost) {
      this.#lost = null;
      const { usedMib, totalMib } = totals(answer);
      this.#o.log(
        "INFO",
        `GPU is back: ${this.#o.source.description}, used ${usedMib} MiB of ${totalMib} MiB`,
      );
      this.#toldMib = usedMib;
    }
    this.#latest = answer;
    this.#o.onSnapshot?.(answer);
    return answer;
  }

  /** From now on looks every `intervalMs`, until `final()` or disposal. A second call does nothing. */
  startPolling(intervalMs: number): void {
    if (this.#o.source.kind === "none") return;
    this.#polling ??= this.#poll(intervalMs).catch((error) => {
      if (!isAbort(error, this.#stop.signal)) throw error;
    });
  }

  /**
   * Ends the polling and looks a last time, after the services are stopped. What is used beyond `baseline` (default:
   * the first stage) is a WARNING that names who holds it. Null without a GPU.
   */
  async final(
    baseline: GpuSnapshot | null = this.#baseline,
    signal?: AbortSignal,
  ): Promise<FinalVram | null> {
    await this.#endPolling();
    const snapshot = await this.look(signal);
    if (!snapshot) return null;
    const { usedMib, totalMib } = totals(snapshot);
    const delta = baseline ? usedMib - totals(baseline).usedMib : 0;
    this.#o.log(
      "INFO",
      `VRAM at the end: used ${usedMib} MiB of ${totalMib} MiB (${signedMib(delta)} since the start)`,
    );
    if (!baseline || delta < this.#threshold) return { usedMib, missingMib: 0, heldBy: "" };
    const holders = holdersLine(grownSince(baseline, snapshot, this.#o.commandOf)) ||
      "no process that can be seen";
    this.#o.log("WARNING", `VRAM not given back: ${delta} MiB more than at the start; held by ${holders}`);
    return { usedMib, missingMib: delta, heldBy: holders };
  }

  /** Ends the polling. The source stays the caller's. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#endPolling();
  }

  async #poll(intervalMs: number): Promise<void> {
    for (;;) {
      await this.#o.clock.sleep(intervalMs, this.#stop.signal);
      const snapshot = await this.look(this.#stop.signal);
      if (!snapshot) continue;
      const { usedMib, totalMib } = totals(snapshot);
      const delta = usedMib - (this.#toldMib ?? usedMib);
      if (this.#o.deltasOnly && Math.abs(delta) < this.#threshold) {
        this.#toldMib ??= usedMib; // slow growth counts from what was last told, or it would never be told
        continue;
      }
      this.#toldMib = usedMib;
      this.#o.log("INFO", `VRAM: used ${usedMib} MiB of ${totalMib} MiB (${signedMib(delta)})`);
    }
  }

  async #endPolling(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
  }
}

/** Only the processes that hold more than at the baseline, and only by how much more. */
function grownSince(baseline: GpuSnapshot, now: GpuSnapshot, commandOf?: (pid: number) => string) {
  const gpus = now.gpus.map((gpu) => ({
    ...gpu,
    processes: gpu.processes
      .map((p) => ({
        ...p,
        usedMib: p.usedMib === null ? null : p.usedMib - (heldBy(baseline, new Set([p.pid])) ?? 0),
      }))
      .filter((p) => p.usedMib === null || p.usedMib > 0),
  }));
  return attribute({ ...now, gpus }, new Map(), commandOf);
}
