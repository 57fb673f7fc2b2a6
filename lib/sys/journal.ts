/**
 * A file of checksummed lines that survives crashes: each line is one JSON object `{"crc32":"…","record":…}`, so
 * that `jq` can read it too. Appends are durable; a line that was cut short, or that something else wrote, is
 * counted and skipped, and the next append leaves it out by writing the file anew beside itself and renaming it.
 */
import type { Clock } from "./clock.ts";

/** What bounds a journal. Above either limit an append writes the file anew, with what `compact` keeps. */
export interface JournalLimits {
  maxLines: number;
  maxBytes: number;
  /** Longest line, in bytes. A longer one is damaged when read and refused when written. */
  maxLine: number;
}

export interface JournalContent {
  /** The payloads of the good lines, oldest first. */
  payloads: string[];
  /** How many lines were skipped; a line cut short at the end counts as one. */
  damaged: number;
  /** Why the file cannot be read at all; null if it can, or if there is none yet. */
  unreadable: string | null;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NEWLINE = 10;
const HEAD = encoder.encode('{"crc32":"');
const MIDDLE = encoder.encode('","record":');
const PAYLOAD_AT = HEAD.length + 8 + MIDDLE.length;
/** Where only the newest lines are wanted, they are looked for in so many bytes first. */
const firstLook = 64 << 10;
const LOCK_WAIT_MS = 2000;
const LOCK_POLL_MS = 10;

let table: Int32Array | undefined;

function crcTable(): Int32Array {
  const made = new Int32Array(256);
  for (let i = 0; i < 256; i++) {
    let n = i;
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    made[i] = n;
  }
  return made;
}

/** CRC-32 (IEEE) of `bytes[from..to]`. Our own, because importing node:zlib costs 30 ms at the start of a boot. */
export function crc32(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  const t = table ??= crcTable();
  let crc = -1;
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]) & 0xff];
  return ~crc >>> 0;
}

const hex = (n: number) => n.toString(16).padStart(8, "0");

/** The line of one payload, without its newline. */
function frame(payload: string): string {
  return `{"crc32":"${hex(crc32(encoder.encode(payload)))}","record":${payload}}`;
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** The payload of the line `bytes[from..to]`; null if the line is not whole. */
function unframe(bytes: Uint8Array, from: number, to: number): string | null {
  if (to - from <= PAYLOAD_AT || bytes[to - 1] !== 0x7d) return null; // "}"
  const sumAt = from + HEAD.length;
  if (!startsWith(bytes, from, HEAD) || !startsWith(bytes, sumAt + 8, MIDDLE)) return null;
  const sum = decoder.decode(bytes.subarray(sumAt, sumAt + 8));
  if (sum !== hex(crc32(bytes, from + PAYLOAD_AT, to - 1))) return null;
  return decoder.decode(bytes.subarray(from + PAYLOAD_AT, to - 1));
}

/**
 * What is in the newest `last` lines of `bytes`. `cut` says that the first line may be the tail of one that began before.
 * Goes backwards, so that a few lines cost a few lines' time, however long the file is.
 */
export function parseJournal(
  bytes: Uint8Array,
  maxLine: number,
  o: { cut?: boolean; last?: number } = {},
): { payloads: string[]; damaged: number } {
  const payloads: string[] = [];
  let damaged = 0;
  for (let to = bytes.length, left = o.last ?? Infinity; to > 0 && left > 0;) {
    const from = bytes.lastIndexOf(NEWLINE, to - 1) + 1;
    if (from === 0 && o.cut) break;
    if (to > from) {
      const payload = to - from <= maxLine ? unframe(bytes, from, to) : null;
      if (payload === null) damaged++;
      else payloads.push(payload);
      left--;
    }
    to = from - 1;
  }
  return { payloads: payloads.reverse(), damaged };
}

/** The newest bytes of an open file, `most` of them; `cut` says that there are more. */
function readTail(
  file: Deno.FsFile,
  size: number,
  most: number,
): { bytes: Uint8Array; cut: boolean } {
  const wanted = Math.min(size, most);
  file.seekSync(size - wanted, Deno.SeekMode.Start);
  const bytes = new Uint8Array(wanted);
  let length = 0;
  for (let n: number | null = 0; length < wanted; length += n) {
    n = file.readSync(bytes.subarray(length));
    if (n === null) break;
  }
  return { bytes: bytes.subarray(0, length), cut: wanted < size };
}

/** Reads the journal at `path`, or its newest `last` lines; no file is an empty journal. Never throws. */
export function readJournal(path: string, limits: JournalLimits, last?: number): JournalContent {
  try {
    const { isFile } = Deno.statSync(path);
    if (!isFile) return { payloads: [], damaged: 0, unreadable: "it is not a file" }; // opening a FIFO would hang
    using file = Deno.openSync(path, { read: true });
    const { size } = file.statSync();
    const all = 2 * limits.maxBytes;
    for (let most = last === undefined ? all : Math.min(firstLook, all);; most = Math.min(most * 8, all)) {
      const { bytes, cut } = readTail(file, size, most);
      const content = parseJournal(bytes, limits.maxLine, { cut, last });
      const enough = content.payloads.length + content.damaged >= (last ?? Infinity);
      if (enough || !cut || most === all) return { ...content, unreadable: null };
    }
  } catch (error) {
    const unreadable = error instanceof Deno.errors.NotFound ? null : String(error);
    return { payloads: [], damaged: 0, unreadable };
  }
}

/** Opens the journal and holds its lock; another writer may have renamed a new file over it in the meantime. */
async function openLocked(path: string, clock: Clock, signal?: AbortSignal): Promise<Deno.FsFile> {
  const until = clock.now() + LOCK_WAIT_MS;
  for (;;) {
    const file = await Deno.open(path, { read: true, append: true, create: true, mode: 0o600 });
    try {
      if (await file.tryLock(true) && (await Deno.stat(path)).ino === (await file.stat()).ino) return file;
      if (clock.now() >= until) throw new Error(`another process has held its lock for ${LOCK_WAIT_MS} ms`);
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    await clock.sleep(LOCK_POLL_MS, signal);
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

/** A new or renamed file is only there after a power cut if its folder was written too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await Deno.open(folder, { read: true }); // not `using`: see freePort()
  try {
    await handle.sync();
  } finally {
    handle.close();
  }
}

async function replace(path: string, folder: string, lines: string[]): Promise<void> {
  const fresh = path + ".new";
  {
    using file = await Deno.open(fresh, { write: true, create: true, truncate: true, mode: 0o600 });
    await writeAll(file, encoder.encode(lines.map((line) => line + "\n").join("")));
    await file.sync();
  }
  await Deno.rename(fresh, path);
  await syncFolder(folder);
}

/**
 * Appends `payload` (JSON text on one line) to `name` in `folder`; when the promise resolves it is on the disk.
 * Damage is mended on the way, and a journal above its limits shrinks to what `compact` keeps of all the payloads,
 * oldest first and the new one last. `rewrite` asks for that in any case.
 *
 * @throws whatever the file system says, an Error when the lock is not to be had, or the signal's reason.
 */
export async function appendJournal(
  folder: string,
  name: string,
  payload: string,
  o: {
    limits: JournalLimits;
    clock: Clock;
    compact: (payloads: string[]) => string[];
    rewrite?: boolean;
    signal?: AbortSignal;
  },
): Promise<void> {
  const line = frame(payload);
  const bytes = encoder.encode(line + "\n");
  if (bytes.length > o.limits.maxLine) {
    throw new Error(
      `the record has ${bytes.length} bytes, more than the ${o.limits.maxLine} that a line may have`,
    );
  }
  const path = `${folder}/${name}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  using file = await openLocked(path, o.clock, o.signal);
  const { size } = await file.stat();
  const { bytes: old, cut } = readTail(file, size, 2 * o.limits.maxBytes);
  const { payloads, damaged } = parseJournal(old, o.limits.maxLine, { cut });
  const full = payloads.length >= o.limits.maxLines || size + bytes.length > o.limits.maxBytes;
  if (o.rewrite || damaged > 0 || full) {
    await replace(path, folder, o.compact([...payloads, payload]).map(frame));
    return;
  }
  const whole = old.length === 0 || old.at(-1) === NEWLINE; // a good last line may lack just its newline
  try {
    await writeAll(file, whole ? bytes : encoder.encode(`\n${line}\n`));
    await file.syncData();
  } catch (error) {
    await file.truncate(size).catch(() => {}); // a full disk: better no line than half of one
    throw error;
  }
  if (size === 0) await syncFolder(folder);
}
