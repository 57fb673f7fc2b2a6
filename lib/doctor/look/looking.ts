/** One look: every question has the look's time at most, and what fails is noted and goes on without. */
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
    const { promise: over, reject } = Promise.withResolvers<never>();
    const stop = () => reject(this.signal.reason);
    if (this.signal.aborted) stop();
    else this.signal.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([question(), over]);
    } catch (error) {
      this.unread.push(`${what}: ${reasonOf(error)}`);
      return otherwise;
    } finally {
      this.signal.removeEventListener("abort", stop);
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
