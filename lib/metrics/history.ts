/**
 * The boots of an instance, kept in `boots.jsonl` of its state folder: read at the start for timeouts and p95, and
 * by the reports at any time, while one loader (the one that holds the instance's lock) writes. Spec: §9, §11.
 */
import { reasonOf } from "../errors.ts";
import { readLines, replaceLines } from "../sys/files/lines_file.ts";
import { parseRecord } from "./record.ts";
import type { BootRecord } from "../model/boot_record.ts";

/** Name of the history's file in the state folder. */
export const HISTORY_FILE = "boots.jsonl";
/** How many boots are kept. Fewer if together they are larger than 8 MiB (hundreds of services). */
export const KEEP_BOOTS = 200;

const KEEP_BYTES = 8 << 20;
const MAX_LINE = 512 << 10;

/** The history of one instance. Nothing is read before the first look at it. */
export interface History {
  readonly path: string;
  /** Good records, oldest first, one for each boot: a later record of the same boot replaces the earlier. */
  readonly records: readonly BootRecord[];
  /** At most one sentence: the file, and how many of its records were skipped or why it cannot be read. */
  readonly warnings: readonly string[];
  /**
   * Adds the record of a boot. Null once it is on the disk; else a sentence for a WARNING, since a boot does not
   * fail for want of its own figures. Damaged lines, and boots beyond those that are kept, go on the way.
   */
  append(record: BootRecord): Promise<string | null>;
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

/** What the lines hold, oldest first. */
function parse(lines: readonly string[]): { line: string; record: ReturnType<typeof parseRecord> }[] {
  return lines.map((line) => ({ line, record: line.length > MAX_LINE ? "damaged" : parseRecord(line) }));
}

/** The lines that stay. Records of a newer program's format stay too: it may come back. */
function compact(lines: readonly string[]): string[] {
  const fit = parse(lines).filter(({ record }) => record !== "damaged");
  const bootOf = ({ line, record }: typeof fit[number]) => typeof record === "string" ? line : record.boot;
  const kept = latest(fit, KEEP_BOOTS, bootOf).map(({ line }) => line);
  let bytes = 0;
  const from = kept.findLastIndex((line) => (bytes += line.length) > KEEP_BYTES);
  return kept.slice(from + 1);
}

function load(path: string, most: number): { records: BootRecord[]; warnings: string[] } {
  const { lines, unreadable } = readLines(path, 2 * KEEP_BYTES);
  if (unreadable) {
    return { records: [], warnings: [`${path}: the boot history cannot be read: ${unreadable}`] };
  }
  const found = parse(most < KEEP_BOOTS ? lines.slice(-most) : lines).map(({ record }) => record);
  const records = latest(found.filter((record) => typeof record !== "string"), most, ({ boot }) => boot);
  const damaged = found.filter((record) => record === "damaged").length;
  const unknown = found.filter((record) => record === "unknown").length;
  const why = [damaged && `${damaged} damaged`, unknown && `${unknown} of an unknown format`].filter(Boolean);
  const skipped = damaged + unknown;
  const warnings = skipped === 0 ? [] : [
    `${path}: ${skipped} boot ${skipped === 1 ? "record was" : "records were"} skipped (${
      why.join(", ")
    }); ` +
    `${records.length} good ${records.length === 1 ? "one is" : "ones are"} used`,
  ];
  return { records, warnings };
}

/**
 * The boot history in the folder `dir`, which need not be there yet. `last` limits `records` (and with them what
 * `warnings` speaks of) to the newest boots: in a fresh program all 200 take some 20 ms, 20 take 4 ms.
 */
export function openHistory(dir: string, o: { last?: number } = {}): History {
  const path = `${dir}/${HISTORY_FILE}`;
  const most = Math.min(Math.max(1, o.last ?? KEEP_BOOTS), KEEP_BOOTS);
  let loaded: ReturnType<typeof load> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function append(record: BootRecord): Promise<string | null> {
    try {
      const line = JSON.stringify(record);
      if (line.length > MAX_LINE) {
        throw new Error(
          `the record has ${line.length} bytes, more than the ${MAX_LINE} that a line may have`,
        );
      }
      const { lines, unreadable } = readLines(path, 2 * KEEP_BYTES);
      if (unreadable) throw new Error(unreadable);
      await replaceLines(dir, HISTORY_FILE, compact([...lines, line]));
    } catch (error) {
      return `${path}: this boot could not be added to the history: ${reasonOf(error)}`;
    }
    if (loaded) loaded.records = latest([...loaded.records, record], most, (each) => each.boot);
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
    append(record) {
      const mine = last.then(() => append(record));
      last = mine;
      return mine;
    },
  };
}
