/**
 * One log file that rotates: `name.log` -> `name.log.1` -> … -> `name.log.<keep>`. Never splits a line, never throws:
 * what cannot be written is counted, and the file says so once it can be written again. Spec: §7.
 */
import { reasonOf } from "../errors.ts";
import type { Clock } from "../sys/clock.ts";
import { countLines } from "./console.ts";
import type { AppendFile } from "../sys/files/append_file.ts";
import { openAppend, removeIfThere, renameIfThere } from "../sys/files/output.ts";

export interface RotatingFileOptions {
  /** Size in bytes at which the file is rotated; only a single longer line makes it larger. */
  rotateBytes: number;
  /** How many rotated files are kept. */
  keep: number;
  clock: Clock;
  /** Opens the file for appending, with its folder. A seam for tests. */
  open?: (path: string) => AppendFile;
  /** The line (with its end) that is written where `lost` lines are missing. */
  lostLine: (lost: number, reason: string) => Uint8Array;
  /** Writing has begun to fail. */
  onTrouble: (reason: string) => void;
  /** The file could not be renamed; it grows on, and the next attempt is made in a minute. */
  onRotationFailed: (reason: string) => void;
  /** Writing works again; `lost` lines were lost in between. */
  onRecovery: (lost: number) => void;
}

interface Trouble {
  reason: string;
  retryAt: number;
  /** Lost lines that the file has already told of. */
  told: number;
}

const LF = 10;
/** While a file cannot be written it is tried again this often, not for every line. */
const retryMs = 1000;
/** How often it is looked whether somebody (logrotate) took the file away. */
const lookMs = 1000;

/** See the head of this file. Writes are synchronous: they go to the page cache, and beat any stream (FACTS). */
export class RotatingFile implements Disposable {
  readonly path: string;
  #options: RotatingFileOptions;
  #open: (path: string) => AppendFile;
  #file: AppendFile | null = null;
  #size = 0;
  #torn = false;
  #lost = 0;
  #trouble: Trouble | null = null;
  /** After a failed rotation the file grows on until this time. */
  #rotateAfter = -Infinity;
  #lookedAt = -Infinity;

  /** Opens nothing yet: that happens with the first line. */
  constructor(path: string, options: RotatingFileOptions) {
    this.path = path;
    this.#options = options;
    this.#open = options.open ?? openAppend;
  }

  /** Appends whole lines, each ended by `\n`. */
  write(lines: Uint8Array): void {
    if (this.#trouble && this.#options.clock.now() < this.#trouble.retryAt) {
      this.#lost += countLines(lines);
      return;
    }
    this.#attempt(lines);
  }

  /** While it cannot be written: tries at once, without waiting for the next line. */
  retry(): void {
    if (this.#trouble) this.#attempt(new Uint8Array(0));
  }

  [Symbol.dispose](): void {
    this.retry();
    this.#close();
  }

  #attempt(lines: Uint8Array): void {
    const progress = { bytes: 0 };
    try {
      this.#letGoOfMoved();
      this.#file ??= this.#opened();
      if (this.#torn) this.#append(this.#file, Uint8Array.of(LF));
      this.#torn = false;
      if (this.#trouble && this.#lost > 0) this.#writeLost(this.#file, this.#trouble);
      while (progress.bytes < lines.length) {
        this.#append(this.#file, this.#nextPart(lines.subarray(progress.bytes)), progress);
        if (progress.bytes < lines.length) this.#rotate();
      }
    } catch (error) {
      this.#failed(reasonOf(error), countLines(lines.subarray(progress.bytes)));
      return;
    }
    if (this.#trouble) this.#recovered(this.#trouble);
  }

  #letGoOfMoved(): void {
    const now = this.#options.clock.now();
    if (!this.#file || now - this.#lookedAt < lookMs) return;
    this.#lookedAt = now;
    if (this.#file.moved()) this.#close();
  }

  #failed(reason: string, lost: number): void {
    const known = this.#trouble;
    this.#lost += lost;
    this.#trouble = { reason, retryAt: this.#options.clock.now() + retryMs, told: known?.told ?? 0 };
    if (!known) this.#options.onTrouble(reason);
  }

  #writeLost(file: AppendFile, trouble: Trouble): void {
    this.#append(file, this.#options.lostLine(this.#lost, trouble.reason));
    trouble.told += this.#lost;
    this.#lost = 0;
  }

  #recovered(trouble: Trouble): void {
    this.#trouble = null;
    this.#options.onRecovery(trouble.told);
  }

  #opened(): AppendFile {
    const file = this.#open(this.path);
    this.#size = file.size;
    this.#torn = file.torn;
    return file;
  }

  /** As many whole lines from the beginning of `lines` as fit into the file, which may be none. */
  #nextPart(lines: Uint8Array): Uint8Array {
    const room = this.#options.rotateBytes - this.#size;
    if (lines.length <= room || this.#options.clock.now() < this.#rotateAfter) return lines;
    const fits = room > 0 ? lines.lastIndexOf(LF, room - 1) + 1 : 0;
    return lines.subarray(0, fits > 0 || this.#size > 0 ? fits : lines.indexOf(LF) + 1);
  }

  /** Adds the bytes of whole lines that went in to `progress`, also when it throws. */
  #append(file: AppendFile, bytes: Uint8Array, progress = { bytes: 0 }): void {
    let done = 0;
    try {
      while (done < bytes.length) {
        const n = file.writeSync(done ? bytes.subarray(done) : bytes);
        if (n === 0) throw new Error("nothing could be written");
        done += n;
      }
      this.#size += done;
      progress.bytes += done;
    } catch (error) {
      const whole = done > 0 ? bytes.lastIndexOf(LF, done - 1) + 1 : 0;
      this.#size += whole;
      progress.bytes += whole;
      if (whole < done) this.#untear(file); // a line went in up to its middle: it counts as lost
      throw error;
    }
  }

  #untear(file: AppendFile): void {
    try {
      file.truncate(this.#size);
    } catch {
      this.#torn = true; // then it gets at least an end before the next line
    }
  }

  #rotate(): void {
    this.#close();
    const { keep } = this.#options;
    try {
      if (keep === 0) removeIfThere(this.path);
      else removeIfThere(`${this.path}.${keep}`);
      for (let n = keep - 1; n >= 0; n--) {
        renameIfThere(n === 0 ? this.path : `${this.path}.${n}`, `${this.path}.${n + 1}`);
      }
    } catch (error) { // better a file that is too large than lines that are lost
      this.#rotateAfter = this.#options.clock.now() + 60 * retryMs;
      this.#options.onRotationFailed(reasonOf(error));
    }
    this.#file = this.#opened();
  }

  #close(): void {
    this.#file?.[Symbol.dispose]();
    this.#file = null;
  }
}
