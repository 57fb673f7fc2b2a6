/** What `turns` and `turns show` print. Pure. Spec: §13. */
import { percentile } from "../metrics/figures.ts";
import { type SlowStage, TurnTrend } from "../metrics/turn_trend.ts";
import { partsOf, type TurnRecord, type TurnStage, turnStages } from "../model/turn.ts";
import { timeOfDay } from "../text.ts";
import { type Cell, type Column, renderTable } from "./table.ts";
import { duration, timestamp } from "./units.ts";

/** What the part that ends with a stage is called. */
const titles: Record<TurnStage, string> = {
  end_of_speech: "SPEECH",
  text: "TRANSCRIPTION",
  first_token: "FIRST TOKEN",
  first_audio: "FIRST SOUND",
  end: "ANSWER",
};
const right = (title: string): Column => ({ title, align: "right" });

export interface TurnSummary {
  /** Of each stage's part, ms; null of none. */
  p50: Record<TurnStage, number | null>;
  p95: Record<TurnStage, number | null>;
  /** Stages that have become slow. */
  slow: readonly SlowStage[];
}

export function turnSummary(turns: readonly TurnRecord[]): TurnSummary {
  const parts = turns.map(partsOf), trend = new TurnTrend();
  for (const turn of turns) trend.add(turn);
  const of = (p: number) =>
    Object.fromEntries(turnStages.map((stage) => [
      stage,
      percentile(parts.map((part) => part[stage]).filter((ms) => ms !== null), p),
    ])) as TurnSummary["p50"];
  return { p50: of(50), p95: of(95), slow: trend.slow };
}

/** The newest `limit` turns (20), newest last, p50 and p95 of all, and what has become slow. */
export function renderTurns(
  turns: readonly TurnRecord[],
  options: { color?: boolean; utc?: boolean; limit?: number } = {},
): string {
  if (turns.length === 0) return "No turns yet: a satellite reports them (docs/contract.md §2).\n";
  const { p50, p95, slow } = turnSummary(turns);
  const shown = turns.slice(-(options.limit ?? 20));
  const row = (parts: TurnSummary["p50"]) => turnStages.map((stage) => duration(parts[stage]));
  const totals = turns.map(({ ms }) => ms.end);
  const rows = shown.map((turn): Cell[] => [
    timestamp(turn.at, options.utc),
    { text: turn.outcome.replace("_", " "), style: turn.outcome === "failed" ? "red" : "green" },
    ...row(partsOf(turn)),
    duration(turn.ms.end),
  ]);
  const summary = ([[50, p50], [95, p95]] as const).map(([p, parts]): Cell[] => [
    { text: `p${p}`, style: "bold" },
    `of ${turns.length}`,
    ...row(parts),
    duration(percentile(totals, p)),
  ]);
  const columns = [
    { title: "HEARD" },
    { title: "OUTCOME" },
    ...turnStages.map((stage) => right(titles[stage])),
    right("WHOLE"),
  ];
  const told = slow.map((stage) => `Slow: ${slowText(stage)}\n`).join("");
  return renderTable(columns, [...rows, ...summary], options) + told;
}

function slowText({ stage, since, ms, p95Ms }: SlowStage): string {
  const name = titles[stage].toLowerCase();
  return `${name} takes ${duration(ms)} since ${timeOfDay(new Date(since))}; its p95 was ${duration(p95Ms)}`;
}

/** One turn, each part beside what is usual. */
export function renderTurn(
  turn: TurnRecord,
  all: readonly TurnRecord[],
  options: { color?: boolean; utc?: boolean } = {},
): string {
  const { p50, p95 } = turnSummary(all), parts = partsOf(turn);
  const rows = turnStages.map((stage): Cell[] => [
    titles[stage].toLowerCase(),
    duration(parts[stage]),
    duration(turn.ms[stage]),
    duration(p50[stage]),
    duration(p95[stage]),
  ]);
  return `${timestamp(turn.at, options.utc)}  ${turn.outcome.replace("_", " ")}, told by ${turn.service}\n` +
    renderTable(
      [{ title: "STAGE" }, right("TOOK"), right("REACHED AT"), right("P50"), right("P95")],
      rows,
      options,
    );
}
