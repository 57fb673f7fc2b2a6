/**
 * The hot path of the relay: puts a prefix before every line of a block, in one pass over the bytes that at the same
 * time looks for anything that is not plain text. No strings: a million lines of 100 bytes take about a tenth of a
 * second here, where `indexOf` + `set(subarray)` per line takes three times that.
 */
import { ourLevel } from "./format.ts";
import type { OwnLevel, OwnLevels } from "./own_level.ts";

/** What is put before a line: changed in place (the time stamp), so that no line needs a new one. */
export type LinePrefix = Uint8Array<ArrayBuffer>;
/** Before a line that tells nothing of its level, a warning, an error; all of one length or not. */
export type LevelPrefixes = readonly [LinePrefix, LinePrefix, LinePrefix];

const LF = 10;
const initialBytes = 512 * 1024;
const largestKept = 2 * 1024 * 1024;
/** Positions of the last lines are kept for this many of them (a power of two). */
const remembered = 32;

/** A buffer that lines with their prefix are put together in. One is shared by all relays of a log. */
export class Frame {
  #bytes = new Uint8Array(initialBytes);
  #view = new DataView(this.#bytes.buffer);
  #starts = new Int32Array(remembered);
  #ends = new Int32Array(remembered);
  /** Bytes put together by the last {@link fill}. */
  length = 0;
  /** Lines put together by the last {@link fill}. */
  lines = 0;
  /** Why {@link fill} ended before the end of the block: the next line is not plain ASCII text. */
  unclean = false;

  /** What the last {@link fill} put together; valid until the next one. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /**
   * Frames lines of `block` (whole lines, each ended by `\n`) from `at` on, until the block ends, the buffer is
   * full, or a line comes that is not plain; returns where it stopped, always at the beginning of a line.
   * Lines that have our form already get that of `ours`, others that of `prefixes` which fits their level. `trusted`: the block is
   * known to be clean.
   */
  fill(
    block: Uint8Array,
    at: number,
    prefixes: LevelPrefixes,
    ours: LevelPrefixes,
    levels: OwnLevels,
    trusted: boolean,
  ): number {
    this.length = this.lines = 0;
    this.unclean = false;
    const size = block.length;
    const longest = Math.max(...prefixes.map((prefix) => prefix.length));
    this.#fit(size - at + longest);
    const source = new DataView(block.buffer, block.byteOffset, size);
    const bytes = this.#bytes;
    const view = this.#view;
    const room = bytes.length - longest;
    let out = 0;
    let line = 0;
    while (at < size && out + (size - at) <= room) {
      const begin = at;
      const inTraceback = levels.inTraceback;
      const first = block[at]!;
      const own = first >= 65 && first <= 90 ? ourLevel(block, at, size) : -1;
      const before = own < 0 ? prefixes[levels.of(block, at)] : ours[own as OwnLevel];
      bytes.set(before, out);
      const start = out + before.length;
      const end = trusted
        ? copyLine(block, at, bytes, start)
        : copyPlainLine(block, source, at, bytes, view, start);
      if (end < 0) {
        this.unclean = true;
        levels.inTraceback = inTraceback; // it comes again, cleaned
        break;
      }
      at = begin + (end - start);
      this.#starts[line & (remembered - 1)] = start;
      this.#ends[line & (remembered - 1)] = end - 1;
      line++;
      out = end;
    }
    this.length = out;
    this.lines = line;
    return at;
  }

  /** Calls `fn` with begin and end in {@link bytes} of the text of each of the last `count` (at most 32) framed lines. */
  lastTexts(count: number, fn: (begin: number, end: number) => void): void {
    for (let line = Math.max(0, this.lines - Math.min(count, remembered)); line < this.lines; line++) {
      fn(this.#starts[line & (remembered - 1)]!, this.#ends[line & (remembered - 1)]!);
    }
  }

  #fit(bytes: number): void {
    if (bytes <= this.#bytes.length && this.#bytes.length <= largestKept) return;
    const size = Math.max(initialBytes, bytes);
    if (size === this.#bytes.length) return;
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/** Copies a line with its end; returns the position behind it. */
function copyLine(block: Uint8Array, at: number, bytes: Uint8Array, out: number): number {
  const next = block.indexOf(LF, at) + 1;
  bytes.set(block.subarray(at, next), out);
  return out + next - at;
}

/** Not 0 in the highest bit of some byte if a byte of the word is below 0x20 (it borrows), 0x7f (it carries) or above. */
const special = (word: number) => (word | (word + 0x01010101) | (word - 0x20202020)) & 0x80808080;

/**
 * The same, four bytes at a time (the benchmark's "log relay"); -1 if the line is not plain. What looks special, as the
 * newline does, is looked at byte by byte.
 */
function copyPlainLine(
  block: Uint8Array,
  source: DataView,
  at: number,
  bytes: Uint8Array,
  view: DataView,
  out: number,
): number {
  const size = block.length;
  while (at < size) {
    for (; at + 4 <= size; at += 4, out += 4) {
      const word = source.getInt32(at, true);
      if (special(word) !== 0) break;
      view.setInt32(out, word, true);
    }
    for (const stop = Math.min(size, at + 4); at < stop;) {
      const byte = block[at++]!;
      bytes[out++] = byte;
      if (byte >= 0x20 && byte < 0x7f) continue;
      if (byte === LF) return out;
      if (byte !== 9) return -1;
    }
  }
  return -1; // no newline at all: not a block of whole lines
}
