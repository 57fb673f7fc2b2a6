/**
 * Brings a service's output file into the log, without a gap and without a double line across the death of a loader
 * (`on_loader_death: keep`). CONTRACT §1.
 *
 * Before a batch of whole lines goes into the log, a small record says where in the output it begins and how long the
 * log files were; after it, where it ended. A loader that finds "begun" cuts the log files back and reads the batch
 * again; one that finds "ended" goes on from there.
 */
import type { Relay } from "../log/mod.ts";
import { isCount, parseJson, recordOf } from "../shape.ts";
import type { Clock } from "../sys/clock.ts";
import { kindOf, removeIfThere } from "../sys/files/files.ts";
import { cutFile, fileMark, GrowingFile, makeOutputFile, RecordFile } from "../sys/files/output_file.ts";
import type { Identity } from "../sys/process/process.ts";

export interface OutputPaths {
  /** What the service writes. */
  output: string;
  /** How far it has been read. */
  record: string;
  /** The log files that its lines go to. */
  logs: string[];
}

interface Record {
  pid: number;
  startTime: number;
  offset: number;
  /** A batch was begun at `offset`: path, inode and size of the log files before it. */
  begun: [path: string, ino: number, size: number][] | null;
}

/** Inode of a log file that was not there yet. */
const absent = 0;
const quickestMs = 10, slowestMs = 100;
const batchBytes = 256 << 10;
const longestLine = 1 << 20;

/** Where the output of service `name` lies. */
export function outputPaths(stateDir: string, logDir: string, name: string, combined: boolean): OutputPaths {
  return {
    output: `${stateDir}/${name}.output`,
    record: `${stateDir}/${name}.offset`,
    logs: [`${logDir}/${name}.log`, ...(combined ? [`${logDir}/combined.log`] : [])],
  };
}

/** What {@link OutputTail} reads and writes, open. */
export interface OutputFiles extends Disposable {
  paths: OutputPaths;
  output: GrowingFile;
  record: RecordFile;
}

/** Opens a service's output, `fresh` for a copy that is yet to be started. @throws when it cannot be read or kept track of. */
export function openOutput(paths: OutputPaths, o: { fresh: boolean }): OutputFiles {
  if (o.fresh) makeOutputFile(paths.output);
  const output = new GrowingFile(paths.output);
  try {
    const record = new RecordFile(paths.record);
    const close = () => [output, record].forEach((file) => file[Symbol.dispose]());
    return { paths, output, record, [Symbol.dispose]: close };
  } catch (error) {
    output[Symbol.dispose]();
    throw error;
  }
}

/** Undoes a batch that an earlier loader had begun and not ended. To be called before the log files are opened. */
export function recoverBatch(paths: OutputPaths): void {
  if (kindOf(paths.record) !== "file") return;
  using file = new RecordFile(paths.record);
  const record = parse(file.read());
  if (!record?.begun) return;
  for (const [path, ino, size] of record.begun) {
    const now = fileMark(path);
    // A file that was rotated away in this moment is left alone: its lines may then be there twice.
    const same = now !== null && (now.ino === ino || ino === absent);
    if (paths.logs.includes(path) && same && now.size > size) cutFile(path, size);
  }
  file.write(JSON.stringify({ ...record, begun: null }));
}

export class OutputTail {
  /** Resolves when everything was read after {@link finish}. */
  readonly drained: Promise<void>;
  #files: OutputFiles;
  #relay: Relay;
  #clock: Clock;
  #who: Identity;
  #offset = 0;
  #buffer = new Uint8Array(batchBytes);
  #finish = new AbortController();

  /** Reads the output of `who` from where an earlier loader stopped, or from the beginning. Closes the files in the end. */
  constructor(files: OutputFiles, who: Identity, relay: Relay, clock: Clock) {
    this.#files = files;
    this.#relay = relay;
    this.#clock = clock;
    this.#who = who;
    const record = parse(files.record.read());
    if (record && record.pid === who.pid && record.startTime === who.startTime) this.#offset = record.offset;
    else this.#note(null);
    this.drained = this.#run();
  }

  async #run(): Promise<void> {
    await this.#clock.sleep(0); // who waits for a line of it listens by then
    for (let pause = quickestMs;;) {
      const last = this.#finish.signal.aborted;
      if (this.#readOn(last)) {
        pause = quickestMs;
        await this.#relay.held;
      } else if (last) break;
      else pause = Math.min(pause * 1.5, slowestMs);
      await this.#clock.sleep(last ? 0 : pause, last ? undefined : this.#finish.signal).catch(() => {});
    }
    this.#files[Symbol.dispose]();
  }

  /** Brings the next batch of whole lines (at the end, also a last line without its end) into the log; false when there is none. */
  #readOn(last: boolean): boolean {
    const n = this.#files.output.readAt(this.#offset, this.#buffer);
    if (n === 0) return false;
    const end = this.#buffer.subarray(0, n).lastIndexOf(10) + 1;
    if (end === 0 && n === this.#buffer.length && n < longestLine) {
      this.#buffer = new Uint8Array(n * 2); // a long line: look at more of it
      return true;
    }
    const whole = end > 0 ? end : last || n >= longestLine ? n : 0;
    if (whole === 0) return false;
    this.#note(this.#files.paths.logs.map((path) => {
      const mark = fileMark(path);
      return [path, mark?.ino ?? absent, mark?.size ?? 0];
    }));
    this.#relay.write(this.#buffer.subarray(0, whole));
    this.#offset += whole;
    this.#note(null);
    this.#files.output.forget(this.#offset);
    return true;
  }

  #note(begun: Record["begun"]): void {
    const { pid, startTime } = this.#who;
    try {
      this.#files.record.write(JSON.stringify({ pid, startTime, offset: this.#offset, begun }));
    } catch { /* a full disk: the log says so itself, and what is lost is only this record */ }
  }

  /** Its writer is gone: reads what is left, then lets the files go. */
  async finish(): Promise<void> {
    this.#finish.abort(new DOMException("the output has ended", "AbortError"));
    await this.drained;
    removeIfThere(this.#files.paths.output);
    removeIfThere(this.#files.paths.record);
  }
}

/** Reads a record as hostile input. */
function parse(text: string): Record | null {
  const { pid, startTime, offset, begun } = recordOf(parseJson(text));
  if (!isCount(pid) || !isCount(startTime) || !isCount(offset)) return null;
  const fits = (b: unknown) => Array.isArray(b) && typeof b[0] === "string" && isCount(b[1]) && isCount(b[2]);
  return { pid, startTime, offset, begun: Array.isArray(begun) ? begun.filter(fits) : null };
}
