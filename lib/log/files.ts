/**
 * The log folder: one rotating file per tag, and one with the lines of all. Spec: §7.
 */
import type { Clock } from "../sys/clock.ts";
import { makePrivateDir } from "../sys/files/files.ts";
import type { AppendFile } from "../sys/files/append_file.ts";
import { openAppend } from "../sys/files/output.ts";
import { RotatingFile } from "./rotating_file.ts";

export interface LogFolderOptions {
  rotateBytes: number;
  keep: number;
  /** Also write every line into `combined.log`. */
  combined: boolean;
  clock: Clock;
  /** See {@link RotatingFile}. */
  lostLine: (lost: number, reason: string) => Uint8Array;
  /** One sentence for the console: once when files begin to fail, once when all of them work again. */
  onNews: (level: "INFO" | "WARNING", message: string) => void;
  /** Opens a file for appending. A seam for tests. */
  open?: (path: string) => AppendFile;
}

/** The files of one log folder. Never throws: see {@link RotatingFile}. */
export class LogFolder implements Disposable {
  readonly path: string;
  #options: LogFolderOptions;
  #files = new Map<string, RotatingFile>();
  #combined: RotatingFile | null;
  #failing = new Set<RotatingFile>();
  #lost = 0;
  #rotationWarned = false;

  constructor(path: string, options: LogFolderOptions) {
    this.path = path;
    this.#options = options;
    this.#combined = options.combined ? this.#create("combined") : null;
  }

  /** Appends whole lines, each ended by `\n`, to the file of `tag` and to the combined one. */
  write(tag: string, lines: Uint8Array): void {
    let file = this.#files.get(tag);
    if (!file) this.#files.set(tag, file = this.#create(fileName(tag)));
    file.write(lines);
    this.#combined?.write(lines);
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.values()) file[Symbol.dispose]();
    this.#files.clear();
    this.#combined?.[Symbol.dispose]();
    this.#combined = null;
  }

  #create(name: string): RotatingFile {
    const { open = openAppend, ...options } = this.#options;
    const file: RotatingFile = new RotatingFile(`${this.path}/${name}.log`, {
      ...options,
      open: (path) => {
        makePrivateDir(this.path); // here, because it may have vanished in the meantime
        return open(path);
      },
      onTrouble: (reason) => this.#troubled(file, reason),
      onRecovery: (lost) => this.#recovered(file, lost),
      onRotationFailed: (reason) => {
        if (this.#rotationWarned) return;
        this.#rotationWarned = true;
        options.onNews("WARNING", `Cannot rotate ${file.path}, it grows on: ${reason}`);
      },
    });
    return file;
  }

  #troubled(file: RotatingFile, reason: string): void {
    const first = this.#failing.size === 0;
    this.#failing.add(file);
    if (first) {
      this.#options.onNews(
        "WARNING",
        `Cannot write ${file.path}: ${reason}; log lines are lost until this works again`,
      );
    }
  }

  #recovered(file: RotatingFile, lost: number): void {
    this.#failing.delete(file);
    this.#lost += lost;
    // Those that have nothing to write would stay in trouble for ever. Each retry may come back to this method.
    const [next] = this.#failing;
    if (next) return next.retry();
    this.#options.onNews("INFO", `Log files can be written again; ${this.#lost} lines are missing in them`);
    this.#lost = 0;
  }
}

/** Tags are upper case identifiers, but a file name must be safe whatever comes; `combined` is taken. */
export function fileName(tag: string): string {
  const name = tag.toLowerCase().replace(/[^a-z0-9_-]/g, "_").slice(0, 100) || "_";
  return name === "combined" ? "combined-service" : name;
}
