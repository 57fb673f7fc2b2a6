/** What is counted of a boot and of the life after it, for whoever asks again and again: an observer. Spec: §11. */
import type { Fact } from "../model/events.ts";

/** Upper bounds, seconds: from a probe's answer on loopback to a large model's load. */
export const bounds: readonly number[] = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
];
/** Reloads may bring ever new names; what is counted must end somewhere. */
const mostSeries = 2000;

export class Histogram {
  /** How many were within each bound, and not within the one before. */
  readonly counts: number[] = bounds.map(() => 0);
  count = 0;
  sum = 0;

  add(ms: number): void {
    const seconds = ms / 1000;
    this.count++;
    this.sum += seconds;
    const at = bounds.findIndex((bound) => seconds <= bound);
    if (at >= 0) this.counts[at]!++;
  }
}

export type Labels = Readonly<Record<string, string>>;

/** One figure, for each set of labels. */
export class Series<T> {
  readonly #make: () => T;
  readonly #all = new Map<string, { labels: Labels; value: T }>();

  constructor(make: () => T) {
    this.#make = make;
  }

  /** Null: there are too many already. */
  of(labels: Labels): { value: T } | null {
    const key = Object.values(labels).join(" ");
    const known = this.#all.get(key);
    if (known || this.#all.size >= mostSeries) return known ?? null;
    const made = { labels, value: this.#make() };
    this.#all.set(key, made);
    return made;
  }

  get all(): [Labels, T][] {
    return [...this.#all.values()].map(({ labels, value }) => [labels, value]);
  }
}

export class Counters {
  readonly stages = new Series(() => new Histogram());
  readonly gates = new Series(() => new Histogram());
  readonly checks = new Series(() => new Histogram());
  readonly boots = new Series(() => new Histogram());
  readonly faults = new Series(() => 0);
  readonly #begun = new Map<string, number>();
  readonly #now: () => number;

  /** `now`: monotonic ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  readonly note = (fact: Fact): void => {
    switch (fact.fact) {
      case "stage_begun":
        return void this.#begun.set(`${fact.service} ${fact.stage}`, this.#now());
      case "stage_over": {
        const { service, stage } = fact, key = `${service} ${stage}`, begun = this.#begun.get(key);
        if (service === null || begun === undefined) return;
        this.#begun.delete(key);
        return this.stages.of({ service, stage })?.value.add(this.#now() - begun);
      }
      case "gate_passed":
        return this.gates.of({ service: fact.service })?.value.add(fact.lagMs);
      case "checked":
        return this.checks.of({ service: fact.service, result: fact.result })?.value.add(fact.ms);
      case "system_ready":
        return this.boots.of({})?.value.add(fact.totalMs);
      case "fault": {
        const faults = this.faults.of({ service: fact.service, kind: fact.fault.kind });
        if (faults) faults.value++;
      }
    }
  };
}
