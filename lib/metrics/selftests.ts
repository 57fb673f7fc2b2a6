/** The self-tests of an instance on disk: figures and verdicts, no word of what was said or understood. Spec: §11, §13. */
import {
  figure,
  isRecord,
  listOf,
  orNull,
  parseJson,
  type Reader,
  recordOf,
  shaped,
  text,
  tryRead,
  unfit,
} from "../shape.ts";
import {
  selftestProblems,
  type SelftestRecord,
  selftestStages,
  type SoundFigures,
  type StageFigures,
  type StageName,
} from "../model/selftest.ts";
import { percentile } from "./figures.ts";
import { type KeptRecords, openRecords } from "./kept_records.ts";

const keepSelftests = 200;
/** Fewer say nothing of what is usual. */
const enough = 5;

const oneOf = <T extends string>(known: readonly T[]): Reader<T> => (value) =>
  known.find((one) => one === value) ?? unfit("word");
const time = orNull(figure);
const reader = shaped<SelftestRecord>({
  format: () => 1,
  at: (value) => Number.isNaN(Date.parse(text(value))) ? unfit("time") : text(value),
  boot: text,
  stages: listOf(
    shaped<StageFigures>({
      stage: oneOf(selftestStages),
      service: orNull(text),
      verdict: oneOf(["right", "failed", "not_tested"]),
      problem: orNull(oneOf(selftestProblems)),
      ms: time,
      first_ms: time,
      audio_ms: time,
      words_right: time,
      words: time,
    }),
    16,
  ),
  first_audio_ms: time,
  sound: orNull(
    shaped<SoundFigures>({ peak: figure, snr_db: figure, correlation: figure, latency_ms: figure }),
  ),
});

function parseLine(line: string): SelftestRecord | "unknown" | "damaged" {
  const value = parseJson(line), { format } = recordOf(value);
  if (isRecord(value) && typeof format === "number" && format !== 1) return "unknown";
  return format === 1 ? tryRead(reader, value) ?? "damaged" : "damaged";
}

/** The self-tests in the folder `dir`, oldest first. */
export function openSelftests(dir: string): KeptRecords<SelftestRecord> {
  return openRecords(dir, {
    file: "selftests.jsonl",
    what: "self-test",
    most: keepSelftests,
    bytes: 1 << 20,
    line: 8000,
    idOf: ({ at, boot }) => `${at} ${boot}`,
    parse: parseLine,
  });
}

/** What is kept of a test: all but the words. */
export function keptOf(report: SelftestRecord): SelftestRecord {
  return reader(report);
}

/** What was usual, ms: p95 of the stages that were right, of the estimates of whole turns; null of none. */
export interface Usual {
  stages: Record<StageName, number | null>;
  first_audio_ms: number | null;
  /** Stages of the test that took over twice what was usual. */
  slow: StageName[];
}

/** `test` beside those before it. */
export function besideEarlier(test: SelftestRecord, earlier: readonly SelftestRecord[]): Usual {
  const timesOf = (name: StageName) =>
    earlier.flatMap(({ stages }) =>
      stages.flatMap(({ stage, verdict, ms }) =>
        stage === name && verdict === "right" && ms !== null ? [ms] : []
      )
    );
  const p95 = (name: StageName) => percentile(timesOf(name), 95);
  const slow = test.stages.filter(({ stage, verdict, ms }) =>
    verdict === "right" && ms !== null && timesOf(stage).length >= enough && ms > 2 * p95(stage)!
  );
  return {
    stages: Object.fromEntries(selftestStages.map((name) => [name, p95(name)])) as Usual["stages"],
    first_audio_ms: percentile(earlier.flatMap(({ first_audio_ms: ms }) => ms === null ? [] : [ms]), 95),
    slow: slow.map(({ stage }) => stage),
  };
}
