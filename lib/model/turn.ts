/** One turn of talk, as who leads it told it: when each stage was reached, and no word of what was said. Spec: §13; docs/contract.md §3. */

/** In their order. Each part of a turn ends with one of them; the first begins with the wake word. */
export const turnStages = ["end_of_speech", "text", "first_token", "first_audio", "end"] as const;
export type TurnStage = typeof turnStages[number];

export const turnOutcomes = ["answered", "nothing_said", "no_answer", "failed"] as const;
export type TurnOutcome = typeof turnOutcomes[number];

export interface TurnReport {
  outcome: TurnOutcome;
  /** From the wake word, ms; null for a stage that was not reached. The end always was. */
  ms: Record<TurnStage, number | null> & { end: number };
}

export interface TurnRecord extends TurnReport {
  format: 1;
  /** When the wake word was heard, ISO 8601. */
  at: string;
  boot: string;
  /** Who told it. */
  service: string;
}

/**
 * What each stage took, ms: together the whole turn, whatever is missing and in whatever order the stages were reached.
 * A stage that was not reached has no part (null), one that was reached before an earlier one takes nothing.
 */
export function partsOf({ ms }: TurnReport): Record<TurnStage, number | null> {
  let until = 0;
  return Object.fromEntries(turnStages.map((stage) => {
    const at = ms[stage];
    if (at === null) return [stage, null];
    const part = Math.max(0, Math.min(at, ms.end) - until);
    until += part;
    return [stage, part];
  })) as Record<TurnStage, number | null>;
}
