/** Reading a log file that another program writes and rotates: from its end backwards, and on as it grows. Spec: §7. */
import { statOrNull } from "./files.ts";

const chunkBytes = 64 << 10;
const lf = 10;

/**
 * The whole lines of `path`, a chunk of them at a time, the last chunk first; at most `maxBytes` from the end are looked
 * at. None when it cannot be read.
 */
export async function* linesFromEnd(path: string, maxBytes: number): AsyncGenerator<string[]> {
  using file = await openOrNull(path);
  if (!file) return;
  let at = (await file.stat()).size;
  const stop = Math.max(0, at - maxBytes);
  let rest: Uint8Array = new Uint8Array();
  while (at > stop) {
    const from = Math.max(stop, at - chunkBytes);
    const bytes = joined(await readAt(file, from, at - from), rest);
    at = from;
    // What stands before the first newline may go on in the chunk before.
    const cut = at === 0 ? 0 : bytes.indexOf(lf) + 1;
    rest = at === 0 ? new Uint8Array() : bytes.subarray(0, cut === 0 ? bytes.length : cut);
    if (rest.length > 1 << 20) rest = rest.subarray(0, 0); // no line of ours
    if (at > 0 && cut === 0) continue;
    const lines = new TextDecoder().decode(bytes.subarray(cut)).split("\n");
    if (lines.at(-1) === "") lines.pop();
    yield lines;
  }
}

/** What is added to a file, however it is rotated meanwhile. */
export class GrowingFile implements Disposable {
  readonly path: string;
  #file: Deno.FsFile | null = null;
  #inode: number | null = null;
  #at = 0;
  #rest: Uint8Array = new Uint8Array();

  constructor(path: string) {
    this.path = path;
  }

  /** From here on. */
  async toEnd(): Promise<void> {
    await this.#open();
    this.#at = this.#file ? (await this.#file.stat()).size : 0;
  }

  /** The whole lines since the last call; at most 1 MiB of them, the rest with the next one. */
  async lines(): Promise<string[]> {
    const bytes = await this.#added();
    if (bytes.length > 0) return this.#whole(bytes);
    // All of it was read: another one may have taken its place.
    const inode = statOrNull(this.path)?.ino ?? null;
    if (inode === null || inode === this.#inode) return [];
    this[Symbol.dispose]();
    await this.#open();
    return this.#whole(await this.#added());
  }

  async #open(): Promise<void> {
    this.#file = await openOrNull(this.path);
    this.#inode = this.#file ? (await this.#file.stat()).ino : null;
    this.#at = 0;
    this.#rest = new Uint8Array();
  }

  async #added(): Promise<Uint8Array> {
    if (!this.#file) return new Uint8Array();
    const { size } = await this.#file.stat();
    if (size < this.#at) this.#at = 0; // it was emptied
    const bytes = await readAt(this.#file, this.#at, Math.min(size - this.#at, 1 << 20));
    this.#at += bytes.length;
    return bytes;
  }

  #whole(added: Uint8Array): string[] {
    const bytes = joined(this.#rest, added);
    const end = bytes.lastIndexOf(lf) + 1;
    this.#rest = bytes.length - end > 1 << 20 ? new Uint8Array() : bytes.slice(end);
    return end === 0 ? [] : new TextDecoder().decode(bytes.subarray(0, end - 1)).split("\n");
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = null;
  }
}

async function openOrNull(path: string): Promise<Deno.FsFile | null> {
  if (statOrNull(path)?.isFile !== true) return null; // a pipe would be waited for
  return await Deno.open(path).catch(() => null);
}

async function readAt(file: Deno.FsFile, from: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  await file.seek(from, Deno.SeekMode.Start);
  let got = 0;
  while (got < length) {
    const n = await file.read(bytes.subarray(got));
    if (n === null) break;
    got += n;
  }
  return bytes.subarray(0, got);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
