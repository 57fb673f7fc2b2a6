/** The observer that keeps the turns of talk, and tells when one of their stages has become slow. Nothing is loaded before the first turn. Spec: §13. */
import type { TurnTrend } from "../metrics/turn_trend.ts";
import type { Observer } from "../model/events.ts";
import type { TurnRecord } from "../model/turn.ts";
import { seconds, timeOfDay } from "../text.ts";
import type { Observed } from "./observed.ts";

/** A service that reports more than the disk takes is not waited for: what is beyond is left out. */
const mostPending = 16;
const stageNames = {
  end_of_speech: "listening",
  text: "transcription",
  first_token: "the first token",
  first_audio: "the first sound",
  end: "the answer",
} as const;

export function turnKeeper({ plan, log, clock, bootId, held }: Observed): Observer {
  const warn = (message: string) => log.warning("LOADER", message);
  let pending = 0;
  let work = Promise.resolve();
  let kept: { turns: import("../metrics/kept_records.ts").KeptRecords<TurnRecord>; trend: TurnTrend } | null =
    null;
  const refused = new Set<string>(), told = new Set<string>();
  held.defer(() => work);

  async function open() {
    const [{ openTurns }, { TurnTrend }] = await Promise.all([
      import("../metrics/turns.ts"),
      import("../metrics/turn_trend.ts"),
    ]);
    const turns = openTurns(plan.dirs.state), trend = new TurnTrend();
    turns.warnings.forEach(warn);
    for (const turn of turns.records) trend.add(turn);
    for (const { stage, twice } of trend.slow) if (twice) told.add(stage); // an earlier boot did
    return { turns, trend };
  }

  async function keep(service: string, text: string, endedAt: number): Promise<void> {
    const { parseTurn } = await import("../metrics/turns.ts");
    const report = parseTurn(text);
    if (report === null) {
      if (!refused.has(service)) {
        warn(
          `${service} reports turns (X_ALEXA_TURN=) in a form that is not the contract's: they are not kept`,
        );
      }
      return void refused.add(service);
    }
    const { turns, trend } = kept ??= await open();
    const at = new Date(endedAt - report.ms.end).toISOString();
    const turn: TurnRecord = { format: 1, at, boot: bootId, service, ...report };
    trend.add(turn);
    const problem = await turns.append(turn);
    if (problem && !refused.has("disk")) {
      refused.add("disk");
      warn(problem);
    }
    for (const { stage, since, ms, p95Ms, twice } of trend.slow) {
      if (!twice || told.has(stage)) continue;
      told.add(stage);
      warn(
        `Turns are slow since ${timeOfDay(new Date(since))}: ${stageNames[stage]} takes ${
          seconds(ms)
        }, over twice its p95 (${seconds(p95Ms)}); see \`turns\``,
      );
    }
    for (const stage of told) if (!trend.slow.some((slow) => slow.stage === stage)) told.delete(stage);
  }

  return (fact) => {
    if (fact.fact !== "turn" || pending >= mostPending) return;
    pending++;
    const endedAt = clock.wall().getTime();
    work = work.then(() => keep(fact.service, fact.report, endedAt))
      .catch((error) => warn(`A turn could not be kept: ${error}`)).finally(() => pending--);
  };
}
