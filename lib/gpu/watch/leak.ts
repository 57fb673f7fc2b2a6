/** Whether a service takes more and more GPU memory: the slope of a line through hours of samples. Pure. Spec: §5. */

/** When growth counts as a leak. It has to be long, large, and going on: loading another model once is none of it. */
export interface LeakLimits {
  /** Shortest stretch of time to judge, in ms (default 2 h). */
  minSpanMs?: number;
  /** Least growth over that stretch, in MiB (default 128). */
  minGrowthMib?: number;
  /** Least slope, in MiB per hour (default 16). */
  minSlope?: number;
  /** Samples kept per service (default 256); when full, every second one is dropped and the pace halved. */
  maxSamples?: number;
}

interface Sample {
  at: number;
  mib: number;
}

/** Figures of a leak. `slope` in MiB per hour. */
export interface Leak {
  service: string;
  slope: number;
  spanMs: number;
  fromMib: number;
  toMib: number;
  /** One sentence for the log. */
  message: string;
}

const HOUR = 3_600_000;

/** MiB per hour of the line through the samples by least squares; 0 for fewer than two points in time. */
export function slopePerHour(samples: readonly Sample[]): number {
  const n = samples.length;
  if (n < 2) return 0;
  const meanAt = samples.reduce((sum, s) => sum + s.at, 0) / n;
  const meanMib = samples.reduce((sum, s) => sum + s.mib, 0) / n;
  let covariance = 0, variance = 0;
  for (const { at, mib } of samples) {
    covariance += (at - meanAt) * (mib - meanMib);
    variance += (at - meanAt) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance * HOUR;
}

/** Collects samples per service and says once per start of a service that it leaks. */
export class LeakWatch {
  readonly #limits: Required<LeakLimits>;
  readonly #services = new Map<string, { samples: Sample[]; paceMs: number; told: boolean }>();

  constructor(limits: LeakLimits = {}) {
    this.#limits = { minSpanMs: 2 * HOUR, minGrowthMib: 128, minSlope: 16, maxSamples: 256, ...limits };
  }

  /** Adds what the service holds at `at` (monotonic ms); the leak if this sample proves one, the first time only. */
  add(service: string, at: number, mib: number, freeMib?: number): Leak | null {
    let s = this.#services.get(service);
    if (!s) this.#services.set(service, s = { samples: [], paceMs: 0, told: false });
    const last = s.samples.at(-1);
    if (last && at - last.at < s.paceMs) return null;
    s.samples.push({ at, mib });
    if (s.samples.length > this.#limits.maxSamples) this.#thin(s);
    if (s.told) return null;
    const leak = this.#judge(service, s.samples, freeMib);
    s.told = leak !== null;
    return leak;
  }

  /** Forgets a service that was started anew. */
  reset(service: string): void {
    this.#services.delete(service);
  }

  /** MiB per hour now, over all kept samples; null before there are two. */
  slope(service: string): number | null {
    const samples = this.#services.get(service)?.samples ?? [];
    return samples.length < 2 ? null : slopePerHour(samples);
  }

  /** How many samples are kept of a service. */
  samples(service: string): number {
    return this.#services.get(service)?.samples.length ?? 0;
  }

  #thin(s: { samples: Sample[]; paceMs: number }): void {
    const span = s.samples.at(-1)!.at - s.samples[0]!.at;
    s.samples = s.samples.filter((_, i) => i % 2 === 0);
    s.paceMs = 0.75 * span / (s.samples.length - 1); // less than the mean: polls are not exactly regular
  }

  #judge(service: string, samples: Sample[], freeMib: number | undefined): Leak | null {
    const first = samples[0]!, last = samples.at(-1)!;
    const spanMs = last.at - first.at;
    const slope = slopePerHour(samples);
    const { minSpanMs, minGrowthMib, minSlope } = this.#limits;
    if (spanMs < minSpanMs || slope < minSlope || last.mib - first.mib < minGrowthMib) return null;
    const quarter = Math.ceil(samples.length / 4); // a step up is steep in one quarter and flat in the others
    for (let i = 0; i < samples.length - 1; i += quarter) {
      const part = samples.slice(i, i + quarter + 1);
      if (part.length > 2 && slopePerHour(part) < slope / 3) return null;
    }
    const until = freeMib === undefined ? "" : `; the GPU is full in about ${(freeMib / slope).toFixed(0)} h`;
    const message =
      `VRAM of ${service} grows by ${slope.toFixed(0)} MiB per hour: ${first.mib} MiB to ${last.mib} MiB ` +
      `in ${(spanMs / HOUR).toFixed(1)} h${until}`;
    return { service, slope, spanMs, fromMib: first.mib, toMib: last.mib, message };
  }
}
