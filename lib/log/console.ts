/**
 * Lines on their way to the terminal: a bounded queue, so that a terminal that stalls (scroll lock, a slow
 * connection, a pager) never blocks the program. Spec: §7.
 */
import type { Clock } from "../sys/clock.ts";

/** Writes all the bytes, or rejects when nobody will ever read them. One call at a time. */
export type ConsoleWriter = (bytes: Uint8Array) => Promise<void>;

const batchBytes = 64 * 1024;

/**
 * See the head of this file. The loader's own lines may fill the whole queue, services' lines only three quarters
 * of it, so those are dropped first; where some are missing, one line says how many.
 */
export class ConsoleQueue {
  #write: ConsoleWriter;
  #limit: number;
  #gapLine: (lines: number) => Uint8Array;
  #pending: Uint8Array[] = [];
  /** Bytes waiting or being written. */
  #bytes = 0;
  /** Lines that were not taken since the last gap line. */
  #dropped = 0;
  #pump: Promise<void> | null = null;
  #off = false;

  /** @param gapLine the line (with its end) that tells of lines that are not shown. */
  constructor(write: ConsoleWriter, gapLine: (lines: number) => Uint8Array, limit = 4 * 1024 * 1024) {
    this.#write = write;
    this.#gapLine = gapLine;
    this.#limit = limit;
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
    if (this.#dropped > 0) this.#tellGap();
    this.#push(lines);
  }

  /** Counts lines of a service that were not even formatted, since the queue was not {@link open}. */
  skip(count: number): void {
    if (!this.#off) this.#dropped += count;
  }

  /** Resolves with true when everything was written, with false after `timeoutMs`. Never rejects. */
  async flush(clock: Clock, timeoutMs: number): Promise<boolean> {
    if (!this.#pump) return true;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _timer = clock.after(timeoutMs, resolve);
    await Promise.race([this.#pump, late]);
    return this.#pump === null;
  }

  /** Forgets what waits and takes nothing more. */
  close(): void {
    this.#off = true;
    this.#pending = [];
    this.#bytes = 0;
  }

  #push(lines: Uint8Array): void {
    this.#pending.push(lines.slice());
    this.#bytes += lines.length;
    this.#pump ??= this.#run();
  }

  #tellGap(): void {
    const line = this.#gapLine(this.#dropped);
    this.#dropped = 0;
    this.#push(line);
  }

  async #run(): Promise<void> {
    await null; // whatever this turn of the event loop still has to say goes into the same write
    while (this.#pending.length > 0) {
      const batch = this.#take();
      try {
        await this.#write(batch);
      } catch { // nobody reads any more: the program goes on without a console
        this.close();
        break;
      }
      this.#bytes = Math.max(0, this.#bytes - batch.length);
      if (this.#dropped > 0 && this.open) this.#tellGap();
    }
    this.#pump = null;
  }

  /** The next lines, together, up to one batch. */
  #take(): Uint8Array {
    let count = 0;
    let size = 0;
    while (
      count < this.#pending.length && (count === 0 || size + this.#pending[count].length <= batchBytes)
    ) {
      size += this.#pending[count++].length;
    }
    const lines = this.#pending.splice(0, count);
    if (count === 1) return lines[0];
    const batch = new Uint8Array(size);
    let at = 0;
    for (const part of lines) {
      batch.set(part, at);
      at += part.length;
    }
    return batch;
  }
}
