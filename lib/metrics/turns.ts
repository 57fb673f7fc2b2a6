/** The turns of an instance on disk. Of what a service sent only outcome and times are believed, and nothing else is kept. Spec: §13. */
import { isRecord, orNull, parseJson, type Reader, recordOf, shaped, tryRead, unfit } from "../shape.ts";
import { turnOutcomes, type TurnRecord, type TurnReport } from "../model/turn.ts";
import { type KeptRecords, openRecords } from "./kept_records.ts";

/** How many turns are kept. */
const keepTurns = 1000;
/** Nobody talks longer, ms. */
const longestMs = 3_600_000;

const time: Reader<number> = (value) =>
  typeof value === "number" && value >= 0 && value <= longestMs ? value : unfit("time");
const maybe: Reader<number | null> = (value) => orNull(time)(value ?? null);
const short: Reader<string> = (value) =>
  typeof value === "string" && /^[\x20-\x7e]{1,128}$/.test(value) ? value : unfit("text");

const report = {
  outcome: ((value) => turnOutcomes.find((outcome) => outcome === value) ?? unfit("outcome")) as Reader<
    TurnReport["outcome"]
  >,
  ms: shaped<TurnReport["ms"]>({
    end_of_speech: maybe,
    text: maybe,
    first_token: maybe,
    first_audio: maybe,
    end: time,
  }),
};
const reader = shaped<TurnReport>(report);
const recordReader = shaped<TurnRecord>({
  ...report,
  format: () => 1,
  at: (value) => Number.isNaN(Date.parse(short(value))) ? unfit("time") : short(value),
  boot: short,
  service: short,
});

/** The report in the value of an X_ALEXA_TURN= line; null when it is none. Never throws. */
export function parseTurn(value: string): TurnReport | null {
  return tryRead(reader, parseJson(value)) ?? null;
}

function parseLine(line: string): TurnRecord | "unknown" | "damaged" {
  const value = parseJson(line);
  const { format } = recordOf(value);
  if (isRecord(value) && typeof format === "number" && format !== 1) return "unknown";
  return format === 1 ? tryRead(recordReader, value) ?? "damaged" : "damaged";
}

/** The turns in the folder `dir`, oldest first. */
export function openTurns(dir: string): KeptRecords<TurnRecord> {
  return openRecords(dir, {
    file: "turns.jsonl",
    what: "turn",
    most: keepTurns,
    bytes: 1 << 20,
    line: 1000,
    idOf: ({ at, service }) => `${at} ${service}`,
    parse: parseLine,
  });
}
