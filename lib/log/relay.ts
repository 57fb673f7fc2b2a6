/**
 * A service's standard output and error -> log lines under its tag. Spec: §7; CONTRACT §9.
 *
 * Works on bytes: strings are made only while somebody listens, and for lines that are not plain ASCII.
 */
import { type KeptLine, LineAssembler, withoutReturns } from "./assemble.ts";
import { cleanLines } from "./clean.ts";
import { colorPrefix, journalMark, journalPrefix, linePrefix, type LogLevel } from "./format.ts";
import type { Frame, LevelPrefixes } from "./frame.ts";
import { OwnLevels } from "./own_level.ts";

/** Which of the two outputs of a service bytes come from. They are never mixed inside one line. */
export type RelaySource = "stdout" | "stderr";

/** The output of one service on its way into the log. */
export interface Relay {
  /** Takes the next bytes; synchronous, keeps nothing of `chunk`, never throws. */
  write(chunk: Uint8Array, source?: RelaySource): void;
  /** The next bytes are to wait for this, some seconds at most: the console must lose no line, and is behind. */
  readonly held: Promise<void> | null;
  /** Shows lines that have begun and not ended (a prompt, a progress bar) as they are now. */
  flushPartial(): void;
  /** The end of one stream, or of both: a last line without an end is shown. */
  end(source?: RelaySource): void;
  /** Calls `fn` for every line from now on: without its end and prefix, escape sequences removed. */
  onLine(fn: (line: string) => void): Disposable;
  /** A new process writes from now on: what `lastLines` kept was its predecessor's. */
  begin(): void;
  /** What it has in mind beside what is written: another version of this program goes on with it. */
  readonly kept: KeptRelay;
  goOn(kept: KeptRelay): void;
  /** The last `n` (at most 20) lines of both streams, oldest first, each cut to about 1000 bytes. */
  lastLines(n?: number): string[];
}

export interface KeptRelay {
  stdout: KeptLine;
  stderr: KeptLine;
  lastLines: string[];
  inTraceback: boolean;
}

/** What a relay needs from the log it belongs to. */
export interface RelayHost {
  /** Shared by all relays: its content is valid only within one call. */
  readonly frame: Frame;
  /** The time stamp of now: 24 ASCII bytes. */
  stamp(): Uint8Array;
  toFiles(tag: string, lines: Uint8Array): void;
  /** How lines look on the console. */
  readonly style: ConsoleStyle;
  /** The console takes services' output. */
  readonly shown: boolean;
  /** False if the console would not take lines now. */
  consoleOpen(): boolean;
  toConsole(lines: Uint8Array, count: number): void;
  skipOnConsole(count: number): void;
  /** The console is behind: who brings more lines is to wait for this. */
  consoleHeld(): Promise<void> | null;
  /** Somebody observes services' lines. */
  readonly observed: boolean;
  observe(tag: string, line: string): void;
  /** A listener threw; it is not called again. */
  listenerFailed(tag: string, error: unknown): void;
}

/** How lines look on the console. */
export type ConsoleStyle = "plain" | "color" | "journal";
/** Before a line: of the loader or of a service. */
export const consolePrefix: Record<ConsoleStyle, (tag: string, level: LogLevel) => string> = {
  plain: linePrefix,
  color: colorPrefix,
  journal: journalPrefix,
};

const ringSize = 20;
const ringLineBytes = 1000;
const stampLength = 24;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** See {@link Relay}; made by `Log.relay()`. */
export class ServiceRelay implements Relay {
  #tag: string;
  #host: RelayHost;
  #streams: Record<RelaySource, LineAssembler>;
  #listeners = new Set<(line: string) => void>();
  #filePrefixes: LevelPrefixes;
  #fileOurs: LevelPrefixes;
  #consolePrefixes: LevelPrefixes;
  #consoleOurs: LevelPrefixes;
  /** The same lines go into the files and onto the console, each at its own pace. */
  #fileLevels = new OwnLevels();
  #consoleLevels = new OwnLevels();
  /** The last lines, as bytes; the oldest is at `#ringNext` once it is full. */
  #ring: Uint8Array[] = [];
  #ringLengths = new Int32Array(ringSize);
  #ringNext = 0;

  /** @param lineLimit bytes of the longest line; longer ones are split. */
  constructor(tag: string, host: RelayHost, lineLimit = 1 << 20) {
    this.#tag = tag;
    this.#host = host;
    const stampRoom = " ".repeat(stampLength + 1);
    const prefixes = (prefix: (level: LogLevel) => string): LevelPrefixes => [
      encoder.encode(prefix("INFO")),
      encoder.encode(prefix("WARNING")),
      encoder.encode(prefix("ERROR")),
    ];
    this.#filePrefixes = prefixes((level) => stampRoom + linePrefix(tag, level));
    const stamp = encoder.encode(stampRoom);
    this.#fileOurs = [stamp, stamp, stamp];
    const style = host.style;
    this.#consolePrefixes = prefixes((level) => consolePrefix[style](tag, level));
    this.#consoleOurs = prefixes((level) => style === "journal" ? journalMark(level) : "");
    const block = (lines: Uint8Array) => this.#block(lines);
    this.#streams = {
      stdout: new LineAssembler(block, lineLimit),
      stderr: new LineAssembler(block, lineLimit),
    };
  }

  write(chunk: Uint8Array, source: RelaySource = "stdout"): void {
    this.#setStamp();
    this.#streams[source].write(chunk);
  }

  get held(): Promise<void> | null {
    return this.#host.shown ? this.#host.consoleHeld() : null;
  }

  flushPartial(): void {
    this.end();
  }

  end(source?: RelaySource): void {
    this.#setStamp();
    if (source !== "stderr") this.#streams.stdout.flush();
    if (source !== "stdout") this.#streams.stderr.flush();
  }

  onLine(fn: (line: string) => void): Disposable {
    const listener = (line: string) => fn(line); // its own identity, should `fn` be given twice
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  begin(): void {
    this.#ring = [];
    this.#ringNext = 0;
  }

  get kept(): KeptRelay {
    const { stdout, stderr } = this.#streams;
    const { inTraceback } = this.#fileLevels;
    return { stdout: stdout.kept, stderr: stderr.kept, lastLines: this.lastLines(), inTraceback };
  }

  goOn({ stdout, stderr, lastLines, inTraceback }: KeptRelay): void {
    this.#streams.stdout.goOn(stdout);
    this.#streams.stderr.goOn(stderr);
    this.#fileLevels.inTraceback = this.#consoleLevels.inTraceback = inTraceback;
    for (const line of lastLines.map((text) => encoder.encode(text))) this.#remember(line, 0, line.length);
  }

  lastLines(n = ringSize): string[] {
    const kept = this.#ring.length;
    const lines: string[] = [];
    for (let i = Math.max(0, kept - n); i < kept; i++) {
      const at = kept < ringSize ? i : (this.#ringNext + i) % ringSize;
      const length = this.#ringLengths[at]!;
      const text = decoder.decode(this.#ring[at]!.subarray(0, length));
      // The cut of a long line may have hit the middle of a character.
      lines.push(length < ringLineBytes ? text : `${text.replace(/\ufffd$/, "")}…`);
    }
    return lines;
  }

  #setStamp(): void {
    const stamp = this.#host.stamp();
    for (const prefix of this.#filePrefixes) prefix.set(stamp);
    this.#fileOurs[0].set(stamp); // they are all the same one
  }

  /** Whole lines: plain ones from the bytes as they are, from the first that is not on through the slow path. */
  #block(block: Uint8Array): void {
    for (let at = 0; at < block.length;) {
      const { next, count, unclean } = this.#toFiles(block, at, false);
      if (next > at) {
        const lines = block.subarray(at, next);
        this.#show(lines, lines, count);
      }
      if (unclean) return this.#unclean(block.subarray(next));
      at = next;
    }
  }

  #unclean(block: Uint8Array): void {
    const lines = withoutReturns(block);
    if (lines !== block) return this.#block(lines); // often that was all
    const { plain, colored } = cleanLines(lines, this.#host.shown && this.#host.style === "color");
    this.#cleaned(plain, colored);
  }

  #cleaned(plain: Uint8Array, colored: Uint8Array): void {
    let lines = 0;
    for (let at = 0; at < plain.length;) {
      const { next, count } = this.#toFiles(plain, at, true);
      lines += count;
      at = next;
    }
    this.#show(plain, colored, lines);
  }

  /** Brings lines from `at` on into the files, as far as the frame takes them. */
  #toFiles(
    block: Uint8Array,
    at: number,
    trusted: boolean,
  ): { next: number; count: number; unclean: boolean } {
    const { frame } = this.#host;
    const next = frame.fill(block, at, this.#filePrefixes, this.#fileOurs, this.#fileLevels, trusted);
    if (next > at) {
      const bytes = frame.bytes;
      this.#host.toFiles(this.#tag, bytes);
      frame.lastTexts(ringSize, (begin, end) => this.#remember(bytes, begin, end));
    }
    return { next, count: frame.lines, unclean: frame.unclean };
  }

  #show(plain: Uint8Array, colored: Uint8Array, count: number): void {
    this.#toConsole(colored, count);
    this.#toListeners(plain);
  }

  #remember(bytes: Uint8Array, begin: number, end: number): void {
    const length = Math.min(end - begin, ringLineBytes);
    const at = this.#ringNext;
    this.#ringNext = (at + 1) % ringSize;
    // The slots are used again and again: objects per line would be felt when a service floods.
    if ((this.#ring[at]?.length ?? -1) < length) {
      this.#ring[at] = new Uint8Array(Math.min(ringLineBytes, length + 64));
    }
    this.#ring[at]!.set(bytes.subarray(begin, begin + length));
    this.#ringLengths[at] = length;
  }

  #toConsole(block: Uint8Array, count: number): void {
    const { shown, frame } = this.#host;
    if (!shown) return;
    for (let at = 0; at < block.length;) {
      if (!this.#host.consoleOpen()) return this.#host.skipOnConsole(count);
      at = frame.fill(block, at, this.#consolePrefixes, this.#consoleOurs, this.#consoleLevels, true);
      this.#host.toConsole(frame.bytes, frame.lines);
      count -= frame.lines;
    }
  }

  #toListeners(block: Uint8Array): void {
    if (this.#listeners.size === 0 && !this.#host.observed) return;
    for (const line of decoder.decode(block.subarray(0, -1)).split("\n")) {
      for (const listener of this.#listeners) this.#tell(listener, line);
      if (this.#host.observed) this.#host.observe(this.#tag, line);
    }
  }

  #tell(listener: (line: string) => void, line: string): void {
    try {
      listener(line);
    } catch (error) { // a fault in one listener must not stop a service's output
      this.#listeners.delete(listener);
      this.#host.listenerFailed(this.#tag, error);
    }
  }
}
