/** What `selftest` prints. Pure. Spec: §13. */
import type { Usual } from "../metrics/selftests.ts";
import type { SelftestReport, StageName, StageReport } from "../model/selftest.ts";
import { type Cell, type Column, renderTable } from "./table.ts";
import { duration } from "./units.ts";

const titles: Record<StageName, string> = {
  tts: "speak",
  wake: "hear the wake word",
  stt: "understand",
  llm: "think",
  sound: "be heard",
};
const right = (title: string): Column => ({ title, align: "right" });

/** Stage by stage beside what is usual, then the estimate of a turn, then what is wrong. */
export function renderSelftest(
  { stages, first_audio_ms }: SelftestReport,
  usual: Usual,
  options: { color?: boolean } = {},
): string {
  const rows = stages.map((stage): Cell[] => [
    titles[stage.stage],
    stage.service ?? "-",
    duration(stage.ms),
    duration(usual.stages[stage.stage]),
    factor(stage),
    verdictCell(stage, usual),
    stage.verdict === "right"
      ? stage.text
      : stage.words === null
      ? ""
      : `${stage.words_right} of ${stage.words} words right`,
  ]);
  const columns = [{ title: "TEST" }, { title: "SERVICE" }, right("TOOK"), right("P95"), right("REAL TIME"), {
    title: "VERDICT",
  }, { title: "SEEN" }];
  const estimate = first_audio_ms === null
    ? ""
    : `First sound of an answer, after the end of the question: about ${duration(first_audio_ms)}${
      usual.first_audio_ms === null ? "" : ` (p95 ${duration(usual.first_audio_ms)})`
    }\n`;
  const told = stages.filter(({ verdict }) => verdict !== "right")
    .map(({ verdict, text }) => `${verdict === "failed" ? "Failed" : "Not tested"}: ${text}\n`).join("");
  return renderTable(columns, rows, options) + estimate + told;
}

/** How long it took beside how long the speech is: below 1 it keeps up with who speaks. */
function factor({ ms, audio_ms }: StageReport): string {
  return ms === null || !audio_ms ? "-" : `x${(ms / audio_ms).toFixed(2)}`;
}

function verdictCell({ stage, verdict }: StageReport, { slow }: Usual): Cell {
  if (verdict === "failed") return { text: "failed", style: "red" };
  if (verdict === "not_tested") return { text: "not tested", style: "yellow" };
  return slow.includes(stage) ? { text: "slow", style: "yellow" } : { text: "right", style: "green" };
}
