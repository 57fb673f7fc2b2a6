/**
 * The boots of an instance, kept in `boots.jsonl` of its state folder: read at the start for timeouts and p95, and
 * by the reports at any time, while one loader (the one that holds the instance's lock) appends. Spec: §9, §11.
 */
import { reasonOf } from "../errors.ts";
import { type Clock, systemClock } from "../sys/clock.ts";
import { appendJournal, type JournalLimits, readJournal } from "../sys/journal.ts";
import { parseRecord } from "./record.ts";
import type { BootRecord } from "./types.ts";

/** Name of the history's file in the state folder. */
export const HISTORY_FILE = "boots.jsonl";
/** How many boots are kept. Fewer if together they are larger than 8 MiB (hundreds of services). */
export const KEEP_BOOTS = 200;

const KEEP_BYTES = 8 << 20;
// An append rewrites the file only when it is a quarter over, not each time from the 200th boot on.
const limits: JournalLimits = {
  maxLines: KEEP_BOOTS * 1.25,
  maxBytes: KEEP_BYTES * 1.25,
  maxLine: 512 << 10,
};

/** The history of one instance. Nothing is read before the first look at it. */
export interface History {
  readonly path: string;
  /** Good records, oldest first, one for each boot: a later record of the same boot replaces the earlier. */
  readonly records: readonly BootRecord[];
  /** At most one sentence: the file, and how many of its records were skipped or why it cannot be read. */
  readonly warnings: readonly string[];
  /**
   * Adds the record of a boot. Null once it is on the disk; else a sentence for a WARNING, since a boot does not
   * fail for want of its own figures. Waits at most 2 s for another writer.
   */
  append(record: BootRecord, signal?: AbortSignal): Promise<string | null>;
}

/** Latest record of each boot, in the order of those latest records; the last `most` of them. */
function latest<T>(items: readonly T[], most: number, bootOf: (item: T) => string): T[] {
  const byBoot = new Map<string, T>();
  for (const item of items) {
    const boot = bootOf(item);
    byBoot.delete(boot);
    byBoot.set(boot, item);
  }
  return [...byBoot.values()].slice(-most);
}

/** What stays when the file is written anew. Records of a newer program's format stay too: it may come back. */
function compact(payloads: string[]): string[] {
  const fit = payloads
    .map((payload, i) => {
      const record = parseRecord(payload);
      return { payload, record, boot: typeof record === "string" ? `line ${i}` : record.boot };
    })
    .filter(({ record }) => record !== "damaged");
  const kept = latest(fit, KEEP_BOOTS, (item) => item.boot).map((item) => item.payload);
  let bytes = 0;
  const from = kept.findLastIndex((payload) => (bytes += payload.length) > KEEP_BYTES);
  return kept.slice(from + 1);
}

function load(path: string, most: number): { records: BootRecord[]; warnings: string[]; unfit: boolean } {
  const content = readJournal(path, limits, most < KEEP_BOOTS ? most : undefined);
  if (content.unreadable) {
    return {
      records: [],
      warnings: [`${path}: the boot history cannot be read: ${content.unreadable}`],
      unfit: false,
    };
  }
  const good: BootRecord[] = [];
  let damaged = content.damaged;
  let unknown = 0;
  for (const payload of content.payloads) {
    const record = parseRecord(payload);
    if (record === "damaged") damaged++;
    else if (record === "unknown") unknown++;
    else good.push(record);
  }
  const records = latest(good, most, (record) => record.boot);
  const why = [damaged && `${damaged} damaged`, unknown && `${unknown} of an unknown format`].filter(Boolean);
  const skipped = damaged + unknown;
  const warnings = skipped === 0 ? [] : [
    `${path}: ${skipped} boot ${skipped === 1 ? "record was" : "records were"} skipped (${
      why.join(", ")
    }); ` +
    `${records.length} good ${records.length === 1 ? "one is" : "ones are"} used`,
  ];
  return { records, warnings, unfit: damaged > content.damaged };
}

/**
 * The boot history in the folder `dir`, which need not be there yet. `last` limits `records` (and with them what
 * `warnings` speaks of) to the newest boots: in a fresh program all 200 take some 20 ms, 20 take 4 ms.
 */
export function openHistory(dir: string, o: { clock?: Clock; last?: number } = {}): History {
  const path = `${dir}/${HISTORY_FILE}`;
  const most = Math.min(Math.max(1, o.last ?? KEEP_BOOTS), KEEP_BOOTS);
  let loaded: ReturnType<typeof load> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function append(record: BootRecord, signal?: AbortSignal): Promise<string | null> {
    try {
      await appendJournal(dir, HISTORY_FILE, JSON.stringify(record), {
        limits,
        clock: o.clock ?? systemClock,
        compact,
        rewrite: loaded?.unfit,
        signal,
      });
    } catch (error) {
      return `${path}: this boot could not be added to the history: ${reasonOf(error)}`;
    }
    if (loaded) {
      loaded.unfit = false;
      loaded.records = latest([...loaded.records, record], most, (each) => each.boot);
    }
    return null;
  }

  return {
    path,
    get records() {
      return (loaded ??= load(path, most)).records;
    },
    get warnings() {
      return (loaded ??= load(path, most)).warnings;
    },
    append(record, signal) {
      const mine = last.then(() => append(record, signal));
      last = mine;
      return mine;
    },
  };
}
