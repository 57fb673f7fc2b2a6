/**
 * Which stage of the turns has become slow, and since when: the last turns beside those before them. Spec: §13.
 *
 * One slow turn says nothing, and neither do a few among many: a stage is slow once 8 of its last 10 parts are over the
 * p95 of what was usual, by a quarter of the usual at least. By chance alone that happens once in hundreds of millions of
 * turns. What was usual stays what it was until the stage is as fast again, so that nobody gets used to it.
 */
import { percentile } from "./figures.ts";
import { partsOf, type TurnRecord, type TurnStage } from "../model/turn.ts";

/** What a person decides, by the length of what is said or answered, is not judged. */
const judged: readonly TurnStage[] = ["text", "first_token", "first_audio"];
const recent = 10, most = 8;
/** So many turns before the last ones say what is usual, and no fewer than `enough`. */
const window = 200, enough = 20;
const leastMs = 20;

export interface SlowStage {
  stage: TurnStage;
  /** ISO 8601: the first of the turns that were slow. */
  since: string;
  /** Median of the last turns, and p95 of those that were usual, ms. */
  ms: number;
  p95Ms: number;
  /** The median is over twice that p95. */
  twice: boolean;
}

interface Part {
  at: string;
  ms: number;
}

/** Fed with each turn, oldest first. */
export class TurnTrend {
  #parts = new Map<TurnStage, Part[]>(judged.map((stage) => [stage, []]));
  #slow = new Map<TurnStage, SlowStage & { usualMs: number }>();

  /** Stages that are slow now. */
  get slow(): readonly SlowStage[] {
    return [...this.#slow.values()].map(({ usualMs: _, ...slow }) => slow);
  }

  add(turn: TurnRecord): void {
    const parts = partsOf(turn);
    for (const stage of judged) {
      const ms = parts[stage];
      if (ms !== null) this.#judge(stage, { at: turn.at, ms });
    }
  }

  #judge(stage: TurnStage, part: Part): void {
    const all = this.#parts.get(stage)!;
    all.push(part);
    const before = this.#slow.get(stage);
    const last = all.slice(-recent);
    const usual = all.slice(0, -recent).map(({ ms }) => ms);
    // As long as it is slow, what is usual is what was before that.
    if (all.length > window + recent || (before && all.length > recent)) all.shift();
    if (!before && usual.length < enough) return;
    const p95Ms = before?.p95Ms ?? percentile(usual, 95)!;
    const usualMs = before?.usualMs ?? percentile(usual, 50)!;
    const over = last.filter(({ ms }) => ms > p95Ms && ms >= usualMs * 1.25 && ms - usualMs >= leastMs);
    if (over.length < (before ? recent - most + 1 : most)) return void this.#slow.delete(stage);
    const ms = percentile(last.map(({ ms }) => ms), 50)!;
    const since = before?.since ?? over[0]!.at;
    this.#slow.set(stage, { stage, since, ms, p95Ms, usualMs, twice: ms > 2 * p95Ms });
  }
}
