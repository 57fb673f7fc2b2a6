/**
 * The log of the program: its own lines and its services' output, to console and files. Spec: §7; CONTRACT §9.
 */
import { reasonOf } from "../errors.ts";
import { type Clock, systemClock } from "../sys/clock.ts";
import { standardOutput, stdoutHasColor, stdoutIsJournal } from "../sys/files/standard_output.ts";
import { ConsoleQueue, type ConsoleTarget, type ConsoleWriter } from "./console.ts";
import { LogFolder } from "./files.ts";
import { formatLine, type LogLevel, parseOurForm, withPrefix } from "./format.ts";
import { Frame } from "./frame.ts";
import { consolePrefix, type ConsoleStyle, type Relay, type RelayHost, ServiceRelay } from "./relay.ts";

/** How the files are kept. */
export interface LogFileOptions {
  /** Size in bytes at which a file is rotated; 20 MiB. */
  rotateBytes?: number;
  /** How many rotated files are kept of each; 5. */
  keep?: number;
  /** Also write all lines into `combined.log`; true. */
  combined?: boolean;
}

export interface LogOptions extends LogFileOptions {
  /** Folder of the log files. Null: not known yet (see {@link Log.attachFiles}), or none at all. */
  dir: string | null;
  /** Show services' output on the console too; true. */
  childOutput?: boolean;
  /** Where lines are shown: standard output, nowhere, a target of its own, or a function that writes bytes. */
  console?: "stdout" | null | ConsoleTarget | ConsoleWriter;
  /** Show DEBUG lines on the console; files have them always. */
  debug?: boolean | undefined;
  /** Colours on the console. "auto": on a terminal, unless NO_COLOR is set. */
  color?: "auto" | boolean;
  clock?: Clock;
}

/** One line, as events and the API want it. `message` may have several lines. */
export interface LogEntry {
  tag: string;
  level: LogLevel;
  message: string;
  at: Date;
}

const heldLimit = 256 * 1024;
/** For the console's last lines, which are news about the files. */
const lastNewsMs = 100;
const encoder = new TextEncoder();

/**
 * The log. No method throws or waits because of a disk or a terminal: files are written synchronously into the page
 * cache, the console has a bounded queue, and what either of them cannot take is counted and told.
 */
export class Log implements AsyncDisposable {
  #clock: Clock;
  #debug: boolean;
  #style: ConsoleStyle;
  #childOutput: boolean;
  #console: ConsoleQueue | null = null;
  #folder: LogFolder | null = null;
  #closed = false;
  /** File lines from before there was a folder. */
  #held: { tag: string; lines: Uint8Array }[] = [];
  #heldBytes = 0;
  #heldLost = 0;
  #observers = new Map<(entry: LogEntry) => void, { children: boolean }>();
  #host: RelayHost;
  #stampOf = NaN;
  #stamp: Uint8Array = new Uint8Array(24);

  constructor(options: LogOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#debug = options.debug ?? false;
    this.#childOutput = options.childOutput ?? true;
    const target = options.console === undefined ? "stdout" : options.console;
    const color = options.color ?? "auto";
    const onStdout = target !== null && typeof target !== "function";
    this.#style = color === true || (color === "auto" && onStdout && stdoutHasColor())
      ? "color"
      : onStdout && stdoutIsJournal()
      ? "journal"
      : "plain";
    if (target) {
      this.#console = new ConsoleQueue(targetOf(target), {
        clock: this.#clock,
        gapLine: (lines, reason) => this.#consoleBytes("LOADER", "WARNING", this.#gapMessage(lines, reason)),
        onNews: (level, message) => this.#toFiles("LOADER", this.#fileBytes("LOADER", level, message)),
      });
    }
    this.#host = this.#relayHost();
    if (options.dir !== null) this.attachFiles(options.dir, options);
  }

  /** The folder of the log files; null while there is none. */
  get dir(): string | null {
    return this.#folder?.path ?? null;
  }

  /**
   * Begins to write files, first with the lines of before (the first 256 KiB of them). Once per log.
   * @throws if there are files already.
   */
  attachFiles(dir: string, options: LogFileOptions & { childOutput?: boolean } = {}): void {
    if (this.#folder) throw new Error(`the log already writes files in ${this.#folder.path}`);
    this.#childOutput = options.childOutput ?? this.#childOutput;
    this.#folder = new LogFolder(dir, {
      rotateBytes: options.rotateBytes ?? 20 * 1024 * 1024,
      keep: options.keep ?? 5,
      combined: options.combined ?? true,
      clock: this.#clock,
      lostLine: (lost, reason) =>
        this.#fileBytes("LOADER", "WARNING", `${lost} lines were lost here: ${reason}`),
      onNews: (level, message) => this.#console?.own(this.#consoleBytes("LOADER", level, message)),
    });
    for (const { tag, lines } of this.#held) this.#folder.write(tag, lines);
    if (this.#heldLost > 0) {
      const message = `${this.#heldLost} bytes of log from before the log folder was known were not kept`;
      this.#folder.write("LOADER", this.#fileBytes("LOADER", "WARNING", message));
    }
    this.#held = [];
    this.#heldBytes = this.#heldLost = 0;
  }

  info(tag: string, message: string): void {
    this.line(tag, "INFO", message);
  }

  warning(tag: string, message: string): void {
    this.line(tag, "WARNING", message);
  }

  error(tag: string, message: string): void {
    this.line(tag, "ERROR", message);
  }

  /** Goes to the files, and to the console only with the `debug` option. */
  debug(tag: string, message: string): void {
    this.line(tag, "DEBUG", message);
  }

  /** One line of the loader itself. `tag` in upper case; a message with newlines becomes several lines. */
  line(tag: string, level: LogLevel, message: string): void {
    if (this.#closed) return;
    this.#toFiles(tag, this.#fileBytes(tag, level, message));
    if (level !== "DEBUG" || this.#debug) this.#console?.own(this.#consoleBytes(tag, level, message));
    if (this.#observers.size > 0) this.#notify({ tag, level, message, at: this.#clock.wall() }, false);
  }

  /** Takes a service's output under `tag`: one relay per service, for both of its streams. */
  relay(tag: string): Relay {
    return new ServiceRelay(tag, this.#host);
  }

  /** Calls `fn` for every line of the loader from now on; with `children`, for those of services too. */
  observe(fn: (entry: LogEntry) => void, options: { children?: boolean } = {}): Disposable {
    const observer = (entry: LogEntry) => fn(entry);
    this.#observers.set(observer, { children: options.children ?? false });
    return { [Symbol.dispose]: () => void this.#observers.delete(observer) };
  }

  /** Everything is written that was said so far. */
  get written(): boolean {
    return this.#console?.idle ?? true;
  }

  /** Waits until the console has taken everything, a moment at most; true if it has. Files are never behind. */
  flush(timeoutMs?: number): Promise<boolean> {
    return this.#console?.flush(timeoutMs) ?? Promise.resolve(true);
  }

  /** Flushes (bounded) and closes console and files; lines after that go nowhere. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (!await this.flush()) this.#console?.close(); // what it did not take is told in the files
    this.#folder?.[Symbol.dispose](); // which may have news for the console
    this.#folder = null;
    await this.flush(lastNewsMs);
    this.#console?.close();
    this.#console = null;
    this.#observers.clear();
  }

  #relayHost(): RelayHost {
    const shown = () => this.#childOutput && this.#console !== null;
    const observed = () => [...this.#observers.values()].some((observer) => observer.children);
    return {
      frame: new Frame(),
      stamp: () => this.#stampNow(),
      toFiles: (tag, lines) => this.#toFiles(tag, lines),
      style: this.#style,
      get shown() {
        return shown();
      },
      consoleOpen: () => this.#console?.open ?? false,
      toConsole: (lines, count) => this.#console?.child(lines, count),
      skipOnConsole: (count) => this.#console?.skip(count),
      consoleHeld: () => this.#console?.held ?? null,
      get observed() {
        return observed();
      },
      observe: (tag, line) => {
        const entry = parseOurForm(line) ?? { tag, level: "INFO" as const, message: line };
        this.#notify({ ...entry, at: this.#clock.wall() }, true);
      },
      listenerFailed: (tag, error) =>
        this.error("LOADER", `A listener of ${tag}'s output failed: ${reasonOf(error)}`),
    };
  }

  /** `lines`: whole, formatted for files. Not kept if they have to wait for a folder: copied. */
  #toFiles(tag: string, lines: Uint8Array): void {
    if (this.#folder) return this.#folder.write(tag, lines);
    if (this.#closed) return;
    if (this.#heldLost > 0 || this.#heldBytes + lines.length > heldLimit) {
      this.#heldLost += lines.length;
      return;
    }
    this.#held.push({ tag, lines: lines.slice() });
    this.#heldBytes += lines.length;
  }

  #fileBytes(tag: string, level: LogLevel, message: string): Uint8Array {
    const stamp = this.#clock.wall().toISOString();
    return encoder.encode(`${stamp} ${formatLine(tag, level, message).replaceAll("\n", `\n${stamp} `)}\n`);
  }

  #consoleBytes(tag: string, level: LogLevel, message: string): Uint8Array {
    return encoder.encode(withPrefix(consolePrefix[this.#style](tag, level), message) + "\n");
  }

  #gapMessage(lines: number, reason: string | null): string {
    const where = this.#folder ? "; they are in the log files" : "";
    const why = reason === null ? ", since the terminal could not keep up" : `: ${reason}`;
    return `${lines} lines were not shown${why}${where}`;
  }

  /** The time stamp of now as bytes; the same ones as long as the millisecond is the same. */
  #stampNow(): Uint8Array {
    const now = this.#clock.wall();
    const ms = now.getTime();
    if (ms !== this.#stampOf) {
      this.#stampOf = ms;
      encoder.encodeInto(now.toISOString(), this.#stamp);
    }
    return this.#stamp;
  }

  #notify(entry: LogEntry, child: boolean): void {
    for (const [observer, { children }] of this.#observers) {
      if (child && !children) continue;
      try {
        observer(entry);
      } catch (error) {
        this.#observers.delete(observer);
        this.error("LOADER", `An observer of the log failed: ${reasonOf(error)}`);
      }
    }
  }
}

function targetOf(target: "stdout" | ConsoleTarget | ConsoleWriter): ConsoleTarget {
  if (target === "stdout") return standardOutput;
  return typeof target === "function" ? consoleOf(target) : target;
}

/** Lines for a function of the caller. */
function consoleOf(write: ConsoleWriter): ConsoleTarget {
  return {
    name: "the console",
    write: async (bytes) => {
      await write(bytes);
      return bytes.length;
    },
    keepsAll: () => false,
    mayPass: () => false,
  };
}
