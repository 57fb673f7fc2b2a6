/**
 * Lines on their way to the terminal: a bounded queue, so that a terminal that stalls (scroll lock, a slow
 * connection, a pager) never blocks the program. Spec: §7.
 *
 * A file and the journal take everything sooner or later, so nothing is dropped before them: who brings services' lines
 * waits ({@link ConsoleQueue.held}), and so, at the other end of its pipe, does the service.
 */
import { reasonOf } from "../errors.ts";
import type { Clock } from "../sys/clock.ts";

/** Writes all the bytes, or rejects when nobody will ever read them. One call at a time. */
export type ConsoleWriter = (bytes: Uint8Array) => Promise<void>;

/** Where the lines are shown. */
export interface ConsoleTarget {
  /** In words, for messages. */
  readonly name: string;
  /** Writes the first of the bytes and gives their number: 0, none can be written now. One call at a time. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** True if it takes everything sooner or later. Asked once, when many lines wait for the first time. */
  keepsAll(): boolean;
  /** An error of `write` after which it may work again; any other one means that nobody will ever read. */
  mayPass(error: unknown): boolean;
}

export interface ConsoleOptions {
  clock: Clock;
  /** The line (with its end) that tells of lines that are not shown; `reason`: why, where it is known. */
  gapLine: (lines: number, reason: string | null) => Uint8Array;
  /** One sentence for the log files: lines can no longer be shown, or again. */
  onNews: (level: "INFO" | "WARNING", message: string) => void;
  limit?: number;
}

const batchBytes = 64 * 1024;
/** What takes everything may be behind by so much before who brings lines has to wait. */
const behindBytes = 1024 * 1024;
/** And may have so many times more waiting than a terminal: what all services brought before they had to wait. */
const roomier = 16;
/** A target that takes nothing for so long is no longer waited for. */
const patienceMs = 3000;
/** Waits before trying again to write what could not be written. */
const retryMs = { first: 5, busy: 50, failed: 1000 };
const closingFlushMs = 500;
const LF = 10;

/**
 * See the head of this file. The loader's own lines may fill the whole queue, services' lines only three quarters
 * of it, so those are dropped first; where some are missing, one line says how many.
 */
export class ConsoleQueue {
  #target: ConsoleTarget;
  #o: ConsoleOptions;
  #pending: Uint8Array<ArrayBuffer>[] = [];
  /** What is being written: taken out of `#pending`, and not yet written. */
  #writing: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Bytes waiting or being written. */
  #bytes = 0;
  /** Lines that were not taken since the last gap line. */
  #dropped = 0;
  #pump: Promise<void> | null = null;
  #closing = new AbortController();
  /** Why it cannot be written at this time. */
  #trouble: string | null = null;
  #keepsAll: boolean | undefined;
  /** It took nothing for longer than we are patient. */
  #stalled = false;
  #hold: { over: Promise<void>; release(): void; timer: Disposable } | null = null;

  constructor(target: ConsoleTarget, options: ConsoleOptions) {
    this.#target = target;
    this.#o = options;
  }

  /** Nothing waits to be written. */
  get idle(): boolean {
    return this.#pump === null;
  }

  /** Bytes that wait to be written. */
  get size(): number {
    return this.#bytes;
  }

  /** Takes lines of the loader itself (whole, with their ends); the bytes are copied. */
  own(lines: Uint8Array): void {
    if (this.#off) return;
    if (this.#bytes + lines.length > this.#limit) this.#dropped++;
    else this.#push(lines);
  }

  /**
   * True if lines of a service would be taken now; ask before formatting them. Once some were dropped, none are taken
   * until half of the queue is free again: one gap of many lines is better to read than many small ones.
   */
  get open(): boolean {
    return !this.#off && this.#bytes < this.#limit * (this.#dropped > 0 ? 1 / 2 : 3 / 4);
  }

  /** Takes `count` lines of a service (whole, with their ends) if there is room; the bytes are copied. */
  child(lines: Uint8Array, count: number): void {
    if (!this.open || this.#bytes + lines.length > this.#limit) return this.skip(count);
    if (this.#dropped > 0) this.#catchUp();
    this.#push(lines);
  }

  /** Counts lines of a service that were not even formatted, since the queue was not {@link open}. */
  skip(count: number): void {
    if (!this.#off) this.#dropped += count;
  }

  /** Who brings services' lines is to wait for this before the next ones; null: no need. Resolves after some seconds at most. */
  get held(): Promise<void> | null {
    if (this.#hold) return this.#hold.over;
    if (this.#bytes < behindBytes || !this.#patient) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hold = { over: promise, release: resolve, timer: this.#patience() };
    return promise;
  }

  /** Resolves with true when everything was written, with false after `timeoutMs`. Never rejects. */
  async flush(timeoutMs = this.#patient ? patienceMs : closingFlushMs): Promise<boolean> {
    if (!this.#pump) return true;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _timer = this.#o.clock.after(timeoutMs, resolve);
    await Promise.race([this.#pump, late]);
    return this.#pump === null;
  }

  /** Forgets what waits, and tells of it; takes nothing more. */
  close(): void {
    const why = this.#trouble === null ? "it did not take them in time" : this.#trouble;
    const lines = this.#forget();
    if (lines > 0) {
      this.#o.onNews("WARNING", `${lines} lines were not written to ${this.#target.name}: ${why}`);
    }
  }

  /** Gives the number of lines that waited. */
  #forget(): number {
    const waiting = [this.#writing, ...this.#pending];
    const lines = waiting.reduce((sum, block) => sum + countLines(block), this.#dropped);
    this.#closing.abort(new DOMException("the console is closed", "AbortError"));
    this.#pending = [];
    this.#writing = new Uint8Array(0);
    this.#bytes = this.#dropped = 0;
    this.#release();
    return lines;
  }

  get #off(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Nothing is to be lost at this time. */
  get #patient(): boolean {
    if (this.#stalled || this.#trouble !== null || this.#off) return false;
    return this.#bytes >= behindBytes ? this.#keepsAll ??= this.#target.keepsAll() : this.#keepsAll ?? false;
  }

  get #limit(): number {
    const { limit = 4 * behindBytes } = this.#o;
    return this.#patient ? roomier * limit : limit;
  }

  #push(lines: Uint8Array): void {
    this.#pending.push(lines.slice());
    this.#bytes += lines.length;
    this.#pump ??= this.#run();
  }

  /** All is well again: tells what is missing. */
  #catchUp(): void {
    const [lines, reason] = [this.#dropped, this.#trouble];
    this.#dropped = 0;
    this.#trouble = null;
    if (reason !== null) {
      const again = `Can write to ${this.#target.name} again; ${lines} lines are missing there`;
      this.#o.onNews("INFO", again);
    }
    if (lines > 0) this.#push(this.#o.gapLine(lines, reason));
  }

  async #run(): Promise<void> {
    await null; // whatever this turn of the event loop still has to say goes into the same write
    try {
      while (this.#pending.length > 0) {
        await this.#writeAll(this.#take());
        if ((this.#dropped > 0 || this.#trouble !== null) && this.open) this.#catchUp();
      }
    } catch (error) {
      if (!this.#off) { // nobody reads any more: the program goes on without a console
        this.#forget();
        const closed = `Nothing more is written to ${this.#target.name}: ${reasonOf(error)}`;
        this.#o.onNews("INFO", closed);
      }
    }
    this.#pump = null;
  }

  /** @throws when nobody will ever read it, or at the close. */
  async #writeAll(batch: Uint8Array<ArrayBuffer>): Promise<void> {
    let pause = retryMs.first;
    this.#writing = batch;
    while (this.#writing.length > 0) {
      const n = await this.#attempt(this.#writing);
      this.#closing.signal.throwIfAborted();
      if (n > 0) {
        this.#writing = this.#writing.subarray(n);
        pause = retryMs.first;
        this.#written(n);
      } else {
        await this.#o.clock.sleep(pause, this.#closing.signal);
        pause = Math.min(2 * pause, this.#trouble === null ? retryMs.busy : retryMs.failed);
      }
    }
  }

  async #attempt(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    try {
      return await this.#target.write(bytes);
    } catch (error) {
      if (this.#off || !this.#target.mayPass(error)) throw error;
      if (this.#trouble === null) {
        this.#trouble = reasonOf(error);
        this.#release();
        this.#o.onNews(
          "WARNING",
          `Cannot write to ${this.#target.name}: ${this.#trouble}; lines are only in the log files until this works again`,
        );
      }
      return 0;
    }
  }

  #written(bytes: number): void {
    this.#bytes -= bytes;
    this.#stalled = false;
    if (!this.#hold) return;
    if (this.#bytes < behindBytes / 2) return this.#release();
    this.#hold.timer[Symbol.dispose]();
    this.#hold.timer = this.#patience();
  }

  #patience(): Disposable {
    return this.#o.clock.after(patienceMs, () => {
      this.#stalled = true;
      this.#release();
    });
  }

  #release(): void {
    this.#hold?.timer[Symbol.dispose]();
    this.#hold?.release();
    this.#hold = null;
  }

  /** The next lines, together, up to one batch. */
  #take(): Uint8Array<ArrayBuffer> {
    let count = 0;
    let size = 0;
    for (const { length } of this.#pending) {
      if (count > 0 && size + length > batchBytes) break;
      size += length;
      count++;
    }
    const lines = this.#pending.splice(0, count);
    if (lines.length === 1) return lines[0]!;
    const batch = new Uint8Array(size);
    let at = 0;
    for (const part of lines) {
      batch.set(part, at);
      at += part.length;
    }
    return batch;
  }
}

/** How many lines end in these bytes. */
export function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}
