/** Turns of talk with known parts. */
import { type TurnRecord, type TurnStage, turnStages } from "../../lib/model/turn.ts";

/** A repeatable number from 0 to 1. */
function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898 + 78.233) * 43758.5453;
  return x - Math.floor(x);
}

/** The n-th turn, a minute after the one before; each part (ms) up to `spread` times more or less. */
export function turnOf(n: number, parts: Partial<Record<TurnStage, number>>, spread = 0): TurnRecord {
  let at = 0;
  const ms = Object.fromEntries(turnStages.map((stage, i) => {
    const part = parts[stage];
    if (part === undefined) return [stage, stage === "end" ? at : null];
    at += part * (1 + spread * (2 * noise(n * 7 + i) - 1));
    return [stage, Math.round(at)];
  })) as TurnRecord["ms"];
  const heard = new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString();
  return { format: 1, at: heard, boot: "b0000001", service: "kwd", outcome: "answered", ms };
}
