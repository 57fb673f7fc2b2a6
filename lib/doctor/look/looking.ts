/** One look: every question has the look's time at most, and what fails is noted and goes on without. */
import { orAbort } from "../../async.ts";
import { reasonOf } from "../../errors.ts";
import { readBytes } from "../../sys/process/libc.ts";

export class Looking {
  readonly signal: AbortSignal;
  /** What could not be read, in words. */
  readonly unread: string[] = [];

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** What `question` answers; `otherwise` when it fails or takes too long. */
  async ask<T>(what: string, otherwise: T, question: () => T | Promise<T>): Promise<T> {
    try {
      this.signal.throwIfAborted();
      return await orAbort((async () => await question())(), this.signal);
    } catch (error) {
      this.unread.push(`${what}: ${reasonOf(error)}`);
      return otherwise;
    }
  }
}

/** Text of a file of the kernel's; "" when there is none. */
export function kernelText(path: string): string {
  const bytes = readBytes(path, 1 << 20);
  return bytes ? new TextDecoder().decode(bytes) : "";
}

/** The first group of `pattern` in a text, as a number; null when it is not there or no number. */
export function figureIn(text: string, pattern: RegExp): number | null {
  const found = pattern.exec(text)?.[1];
  const figure = found === undefined ? NaN : Number(found);
  return Number.isNaN(figure) ? null : figure;
}
