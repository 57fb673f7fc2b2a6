/**
 * A terminal with some lines that stay below the log: each write takes them away, adds what is new to the log, and draws
 * them again. Nothing else of the terminal is touched, so that its own scrollback and selection go on to work. Spec: §7.
 */
import type { ConsoleTarget } from "./console.ts";

export interface LinesBelowOptions {
  /** The lines as they are to be now, none with a line end; each is narrower than the terminal. */
  frame(): readonly string[];
  /** Columns of the terminal, now. */
  columns(): number;
  /** Columns that a line takes. */
  width(line: string): number;
}

const encoder = new TextEncoder();

export class LinesBelow implements ConsoleTarget {
  #target: ConsoleTarget;
  #options: LinesBelowOptions;
  /** What is drawn now. */
  #drawn: readonly string[] = [];
  /** Composed, and not taken by the terminal yet. */
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** The lines that are being written are in it. */
  #hasLines = false;
  #writing: Promise<unknown> | null = null;
  #closed = false;

  constructor(target: ConsoleTarget, options: LinesBelowOptions) {
    this.#target = target;
    this.#options = options;
  }

  get name(): string {
    return this.#target.name;
  }
  keepsAll(): boolean {
    return this.#target.keepsAll();
  }
  mayPass(error: unknown): boolean {
    return this.#target.mayPass(error);
  }

  /** Takes whole lines: all of them, or none (0) as long as the terminal has not taken what came before. */
  async write(lines: Uint8Array<ArrayBuffer>): Promise<number> {
    await this.#writing?.catch(() => {});
    if (!this.#hasLines) {
      if (this.#rest.length > 0) await this.#push();
      if (this.#rest.length > 0) return 0;
      this.#rest = this.#compose(lines);
      this.#hasLines = true;
    }
    await this.#push();
    if (this.#rest.length > 0) return 0;
    this.#hasLines = false;
    return lines.length;
  }

  /** Draws the lines anew if they have changed; what the terminal does not take now, it gets with the next write. */
  redraw(): void {
    if (this.#writing || this.#rest.length > 0 || this.#closed) return;
    const frame = this.#options.frame();
    if (frame.length === this.#drawn.length && frame.every((line, i) => line === this.#drawn[i])) return;
    this.#rest = this.#compose(new Uint8Array(0), frame);
    this.#push().catch(() => {}); // the next line of the log tells
  }

  /** Takes the lines away for good; what is written later goes through as it is. A terminal that stalls keeps them. */
  async close(): Promise<void> {
    this.#closed = true;
    try {
      await this.#push();
      if (this.#rest.length === 0) this.#rest = this.#compose(new Uint8Array(0));
      await this.#push();
    } catch { /* nobody sees it any more */ }
  }

  /** The terminal was somebody else's meanwhile: what was drawn is theirs, but for the line that the cursor is in. */
  forget(): void {
    this.#drawn = [""];
  }

  #compose(lines: Uint8Array, frame = this.#closed ? [] : this.#options.frame()): Uint8Array<ArrayBuffer> {
    const before = encoder.encode(this.#erase());
    const after = encoder.encode(frame.join("\n"));
    this.#drawn = frame;
    const all = new Uint8Array(before.length + lines.length + after.length);
    all.set(before);
    all.set(lines, before.length);
    all.set(after, before.length + lines.length);
    return all;
  }

  /** A terminal that has become narrower has wrapped what was drawn. */
  #erase(): string {
    if (this.#drawn.length === 0) return "";
    const columns = Math.max(1, this.#options.columns());
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(this.#options.width(line) / columns)),
      0,
    );
    return `\r${rows > 1 ? `\x1b[${rows - 1}A` : ""}\x1b[J`;
  }

  async #push(): Promise<void> {
    while (this.#writing) await this.#writing.catch(() => {});
    if (this.#rest.length === 0) return;
    const writing = this.#writing = this.#target.write(this.#rest);
    try {
      const n = await writing;
      this.#rest = this.#rest.subarray(n);
    } finally {
      this.#writing = null;
    }
  }
}
