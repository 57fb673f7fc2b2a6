/**
 * A service's output as a file that outlives the loader (`on_loader_death: keep`): a pipe to a dead loader would kill
 * the service with its next line. Only `node:fs` tells the number of a descriptor. CONTRACT §1.
 */
import { closeSync, openSync } from "node:fs";
import { punchHole } from "../process/libc.ts";
import { type SpawnOptions, startProcess } from "../process/process.ts";

/** Makes the file empty: a fresh copy of a service, a fresh file. */
export function makeOutputFile(path: string): void {
  closeSync(openSync(path, "w", 0o600));
}

/** Starts `argv` as leader of its own session, its output appended to the file at `path`. @throws as `spawnChild`. */
export function spawnToFile(
  o: Pick<SpawnOptions, "argv" | "env" | "cwd" | "stdin"> & { path: string },
): ReturnType<typeof startProcess> {
  const output = openSync(o.path, "a");
  try {
    return startProcess(o, output, output);
  } finally {
    closeSync(output);
  }
}

/** A file that is read while somebody else appends to it. */
export class GrowingFile implements Disposable {
  #path: string;
  #file: Deno.FsFile;
  #punched = 0;

  constructor(path: string) {
    this.#path = path;
    this.#file = Deno.openSync(path, { read: true, write: true });
  }

  get size(): number {
    return this.#file.statSync().size;
  }

  /** Reads at `offset` into `buffer`; returns how many bytes there were. */
  readAt(offset: number, buffer: Uint8Array): number {
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    return this.#file.readSync(buffer) ?? 0;
  }

  /** Gives the disk space before `offset` back; positions stay as they are. Where the file system cannot, it stays. */
  forget(offset: number): void {
    if (offset - this.#punched < 1 << 20) return;
    punchHole(this.#path, this.#punched, offset);
    this.#punched = offset;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** One small record that is replaced in place by one write: after a SIGKILL it is the old or the new one. */
export class RecordFile implements Disposable {
  #file: Deno.FsFile;

  constructor(path: string) {
    this.#file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  }

  /** What was written last; "" when nothing was. */
  read(): string {
    const bytes = new Uint8Array(recordBytes);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const n = this.#file.readSync(bytes) ?? 0;
    return new TextDecoder().decode(bytes.subarray(0, n)).trimEnd();
  }

  write(text: string): void {
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.#file.writeSync(new TextEncoder().encode(text.padEnd(recordBytes)));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

const recordBytes = 1024;

/** Size and inode of a file; null when it is not there. */
export function fileMark(path: string): { ino: number; size: number } | null {
  try {
    const info = Deno.statSync(path);
    return { ino: info.ino ?? 0, size: info.size };
  } catch {
    return null;
  }
}

/** Cuts a file back to `size`. */
export function cutFile(path: string, size: number): void {
  Deno.truncateSync(path, size);
}
