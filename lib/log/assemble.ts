/**
 * Chunks of bytes -> whole lines. Nothing is decoded and no line is copied unless it began in an earlier chunk.
 *
 * A line ends with `\n`; `\r` just before it belongs to the end. Any other `\r` starts the line anew, as on a
 * terminal (progress bars): only what comes after the last one is kept. A line longer than the limit is split.
 */

/**
 * Receives whole lines, each ended by `\n`. There may be `\r` in them: {@link withoutReturns} does what is said above.
 * (Not done here, since who looks at every byte anyhow finds them for nothing.) Valid only during the call.
 */
export type LineBlockSink = (block: Uint8Array) => void;

/** Of a line that has begun: its bytes in base64, and what the next ones mean to it. */
export interface KeptLine {
  text: string;
  returned: boolean;
  flushed: boolean;
}

const LF = 10;
const CR = 13;
const pieceBytes = 256 * 1024;
const keptCapacity = 16 * 1024;

/** Puts the lines of one byte stream together; keeps at most one line of at most `limit` bytes. */
export class LineAssembler {
  #limit: number;
  #emit: LineBlockSink;
  /** The line that has begun and not ended: the first `#length` bytes. */
  #carry: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;
  /** The carry is followed by `\r`: the next text replaces it, a `\n` ends it. */
  #returned = false;
  /** The beginning of this line was emitted by {@link flush}: if nothing more comes, its `\n` is no line. */
  #flushed = false;

  /** @param limit bytes of the longest line; at least 4 (one character). */
  constructor(emit: LineBlockSink, limit = 1 << 20) {
    this.#emit = emit;
    this.#limit = limit;
  }

  /** Takes the next bytes; keeps none of `chunk` itself. */
  write(chunk: Uint8Array): void {
    // Pieces no longer than the limit: a line inside one piece can then not be too long.
    const step = Math.min(pieceBytes, this.#limit);
    for (let at = 0; at < chunk.length; at += step) this.#piece(chunk.subarray(at, at + step));
  }

  /** Emits the line that has begun, if any, as if it had ended. */
  flush(): void {
    if (this.#length === 0) return;
    this.#emitCarry();
    this.#flushed = true;
  }

  /** The line that has begun and not ended, for another one to go on with. */
  get kept(): KeptLine {
    const text = this.#carry.subarray(0, this.#length).toBase64();
    return { text, returned: this.#returned, flushed: this.#flushed };
  }

  goOn({ text, returned, flushed }: KeptLine): void {
    this.#store(Uint8Array.fromBase64(text).subarray(0, this.#limit));
    this.#returned = returned;
    this.#flushed = flushed;
  }

  #piece(piece: Uint8Array): void {
    const last = piece.lastIndexOf(LF);
    if (last < 0) return this.#append(piece);
    let begin = 0;
    if (this.#length > 0 || this.#returned || this.#flushed) {
      const first = piece.indexOf(LF);
      this.#append(piece.subarray(0, first));
      if (this.#length > 0 || !this.#flushed) this.#emitCarry();
      this.#returned = this.#flushed = false;
      begin = first + 1;
    }
    if (begin <= last) this.#emit(piece.subarray(begin, last + 1));
    this.#append(piece.subarray(last + 1));
  }

  /** Adds bytes without `\n` to the carry. */
  #append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const found = bytes.indexOf(CR, at);
      const end = found < 0 ? bytes.length : found;
      if (end > at) {
        if (this.#returned) this.#length = 0;
        this.#returned = this.#flushed = false;
        this.#appendText(bytes.subarray(at, end));
      }
      if (found >= 0) this.#returned = true;
      at = end + 1;
    }
  }

  #appendText(text: Uint8Array): void {
    while (this.#length + text.length > this.#limit) {
      const take = this.#limit - this.#length;
      this.#store(text.subarray(0, take));
      text = text.subarray(take);
      const back = splitsCharacter(this.#carry, this.#limit, text[0]!);
      const begun = this.#carry.slice(this.#limit - back, this.#limit);
      this.#length -= back;
      this.#emitCarry();
      this.#store(begun);
    }
    this.#store(text);
  }

  #store(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length + 1 > this.#carry.length) { // one more, for the newline
      const bigger = new Uint8Array(Math.min(this.#limit + 1, Math.max(1024, 2 * (length + 1))));
      bigger.set(this.#carry.subarray(0, this.#length));
      this.#carry = bigger;
    }
    this.#carry.set(bytes, this.#length);
    this.#length = length;
  }

  #emitCarry(): void {
    if (this.#carry.length === 0) this.#carry = new Uint8Array(1024);
    const carry = this.#carry;
    const length = this.#length;
    carry[length] = LF;
    this.#length = 0;
    this.#returned = false;
    if (carry.length > keptCapacity) this.#carry = new Uint8Array(0); // one long line must not cost memory for ever
    this.#emit(carry.subarray(0, length + 1));
  }
}

/** How many bytes before `length` begin a UTF-8 character that `next` continues: 0 to 3. */
function splitsCharacter(bytes: Uint8Array, length: number, next: number): number {
  if ((next & 0xc0) !== 0x80) return 0;
  for (let back = 1; back <= 3 && back < length; back++) {
    const byte = bytes[length - back]!;
    if (byte >= 0xc0) return back;
    if (byte < 0x80) return 0;
  }
  return 0;
}

/** Whole lines with `\r\n` made `\n`, and of each line only what comes after its last `\r`; the same if there is none. */
export function withoutReturns(lines: Uint8Array): Uint8Array {
  if (!lines.includes(CR)) return lines;
  const out = new Uint8Array(lines.length);
  let length = 0;
  for (let at = 0; at < lines.length;) {
    const next = lines.indexOf(LF, at) + 1;
    let end = next - 1;
    while (end > at && lines[end - 1] === CR) end--;
    const line = lines.subarray(at, end);
    const text = line.subarray(line.lastIndexOf(CR) + 1);
    out.set(text, length);
    length += text.length;
    out[length++] = LF;
    at = next;
  }
  return out.subarray(0, length);
}
