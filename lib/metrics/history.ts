/** The boots of an instance: read at the start for timeouts and p95, and by the reports. Spec: §9, §11. */
import { type KeptRecords, openRecords } from "./kept_records.ts";
import { parseRecord } from "./record.ts";
import type { BootRecord } from "../model/boot_record.ts";

/** Name of the history's file in the state folder. */
export const HISTORY_FILE = "boots.jsonl";
/** How many boots are kept. Fewer if together they are larger than 8 MiB (hundreds of services). */
export const KEEP_BOOTS = 200;

export type History = KeptRecords<BootRecord>;

/** The boot history in the folder `dir`. `last`: in a fresh program all 200 take some 20 ms, 20 take 4 ms. */
export function openHistory(dir: string, options: { last?: number } = {}): History {
  return openRecords(dir, {
    file: HISTORY_FILE,
    what: "boot",
    most: KEEP_BOOTS,
    bytes: 8 << 20,
    line: 512 << 10,
    idOf: ({ boot }) => boot,
    parse: parseRecord,
  }, options);
}
