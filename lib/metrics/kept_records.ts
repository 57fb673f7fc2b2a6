/**
 * Records of an instance, one JSON object per line of a file in its state folder: read by the reports at any time, while
 * one loader (the one that holds the instance's lock) writes. Spec: §9, §11.
 */
import { reasonOf } from "../errors.ts";
import { readLines, replaceLines } from "../sys/files/lines_file.ts";

export interface KeptRecords<T> {
  readonly path: string;
  /** Good records, oldest first, one for each id: a later record of the same id replaces the earlier. */
  readonly records: readonly T[];
  /** At most one sentence: the file, and how many of its records were skipped or why it cannot be read. */
  readonly warnings: readonly string[];
  /**
   * Adds a record. Null once it is on the disk; else a sentence for a WARNING, since nothing fails for want of its own
   * figures. Damaged lines, and records beyond those that are kept, go on the way.
   */
  append(record: T): Promise<string | null>;
}

export interface RecordKind<T> {
  /** Name of the file in the state folder. */
  file: string;
  /** What a record is of, in words: "boot". */
  what: string;
  /** So many are kept; fewer if together they are larger than `bytes`. No line may be longer than `line` characters. */
  most: number;
  bytes: number;
  line: number;
  idOf(record: T): string;
  /** `"unknown"` for a record of another format (a newer program's), `"damaged"` for anything else. */
  parse(line: string): T | "unknown" | "damaged";
}

/** Latest item of each id, in the order of those latest items; the last `most` of them. */
function latest<I>(items: readonly I[], most: number, idOf: (item: I) => string): I[] {
  const byId = new Map<string, I>();
  for (const item of items) {
    const id = idOf(item);
    byId.delete(id);
    byId.set(id, item);
  }
  return [...byId.values()].slice(-most);
}

/**
 * The records of `kind` in the folder `dir`, which need not be there yet. Nothing is read before the first look at them.
 * `last` limits `records`, and with them what `warnings` speaks of, to the newest.
 */
export function openRecords<T extends object>(
  dir: string,
  kind: RecordKind<T>,
  o: { last?: number } = {},
): KeptRecords<T> {
  const path = `${dir}/${kind.file}`;
  const most = Math.min(Math.max(1, o.last ?? kind.most), kind.most);
  let loaded: ReturnType<typeof load> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  /** What the lines hold, oldest first. */
  const parse = (lines: readonly string[]) =>
    lines.map((line) => ({ line, record: line.length > kind.line ? "damaged" as const : kind.parse(line) }));

  function load() {
    const { lines, unreadable } = readLines(path, 2 * kind.bytes);
    if (unreadable) {
      return { records: [], warnings: [`${path}: the ${kind.what} history cannot be read: ${unreadable}`] };
    }
    const found = parse(most < kind.most ? lines.slice(-most) : lines).map(({ record }) => record);
    const records = latest(found.filter((record) => typeof record !== "string"), most, kind.idOf);
    const damaged = found.filter((record) => record === "damaged").length;
    const unknown = found.filter((record) => record === "unknown").length;
    const why = [damaged && `${damaged} damaged`, unknown && `${unknown} of an unknown format`].filter(
      Boolean,
    );
    const skipped = damaged + unknown;
    const warnings = skipped === 0 ? [] : [
      `${path}: ${skipped} ${kind.what} ${skipped === 1 ? "record was" : "records were"} skipped (${
        why.join(", ")
      }); ` +
      `${records.length} good ${records.length === 1 ? "one is" : "ones are"} used`,
    ];
    return { records, warnings };
  }

  /** The lines that stay. Records of a newer program's format stay too: it may come back. */
  function compact(lines: readonly string[]): string[] {
    const fit = parse(lines).filter(({ record }) => record !== "damaged");
    const idOf = ({ line, record }: typeof fit[number]) =>
      typeof record === "string" ? line : kind.idOf(record);
    const kept = latest(fit, kind.most, idOf).map(({ line }) => line);
    let bytes = 0;
    const from = kept.findLastIndex((line) => (bytes += line.length) > kind.bytes);
    return kept.slice(from + 1);
  }

  async function append(record: T): Promise<string | null> {
    try {
      const line = JSON.stringify(record);
      if (line.length > kind.line) {
        throw new Error(
          `the record has ${line.length} bytes, more than the ${kind.line} that a line may have`,
        );
      }
      const { lines, unreadable } = readLines(path, 2 * kind.bytes);
      if (unreadable) throw new Error(unreadable);
      await replaceLines(dir, kind.file, compact([...lines, line]));
    } catch (error) {
      return `${path}: this ${kind.what} could not be added to the history: ${reasonOf(error)}`;
    }
    if (loaded) loaded.records = latest([...loaded.records, record], most, kind.idOf);
    return null;
  }

  return {
    path,
    get records() {
      return (loaded ??= load()).records;
    },
    get warnings() {
      return (loaded ??= load()).warnings;
    },
    append(record) {
      const mine = last.then(() => append(record));
      last = mine;
      return mine;
    },
  };
}
