/** HTTP/1.1 as it comes over a connection, for both ends: lines, counted bytes and chunks, all bounded. */
import type { BoundedBody } from "./http_common.ts";

/** Reads what is there, at most `into.length` bytes; null at the end of the stream. */
export type Read = (into: Uint8Array) => Promise<number | null>;

/** `ended`: within a line, of which `message` is what came; `cut`: in the middle of a body; else `message` says what is wrong. */
export class WireError extends Error {
  readonly kind: "ended" | "cut" | "too_long" | "malformed";

  constructor(kind: WireError["kind"], message = "") {
    super(message);
    this.kind = kind;
  }
}

const readSize = 16 * 1024;
const longestChunkLine = 16 * 1024;

/** The incoming side of a connection, over one fixed buffer. Rejects with {@link WireError}, or as `read` does. */
export class HttpInput {
  readonly #read: Read;
  readonly #strict: boolean;
  readonly #buffer = new Uint8Array(readSize);
  #start = 0;
  #end = 0;
  /** Something has come. */
  begun = false;

  /** `strict`: lines end with CRLF and hold nothing but ASCII text, else with a bare LF too, as lenient servers write it. */
  constructor(read: Read, strict: boolean) {
    this.#read = read;
    this.#strict = strict;
  }

  /** The next line without its end, one character per byte. */
  async line(maxBytes: number): Promise<string> {
    let text = "";
    for (;;) {
      if (this.#start === this.#end && !await this.#fill()) throw new WireError("ended", text);
      const waiting = this.#buffer.subarray(this.#start, this.#end);
      const newline = waiting.indexOf(0x0a);
      const part = newline < 0 ? waiting : waiting.subarray(0, newline);
      // What cannot become HTTP (TLS, binary rubbish) is refused at once, not when its line or its time is up.
      if (this.#strict && !part.every(isText)) throw new WireError("malformed", "this is not HTTP");
      if (text.length + part.length > maxBytes) throw new WireError("too_long");
      for (const byte of part) text += String.fromCharCode(byte);
      if (newline < 0) {
        this.#start = this.#end;
        continue;
      }
      this.#start += newline + 1;
      if (text.endsWith("\r")) return text.slice(0, -1);
      if (this.#strict) throw new WireError("malformed", "a line ends without a carriage return");
      return text;
    }
  }

  /** Hands `count` bytes to `body`, or as many as come before the end if the length is not `exact`. */
  async copy(count: number, body: BoundedBody, exact: boolean): Promise<void> {
    for (let left = count; left > 0 && !body.full;) {
      if (this.#start === this.#end && !await this.#fill()) {
        if (exact) throw new WireError("cut");
        return;
      }
      const size = Math.min(left, this.#end - this.#start);
      body.add(this.#buffer.subarray(this.#start, this.#start + size));
      this.#start += size;
      left -= size;
    }
  }

  /** Hands the chunks of a body to `body`; trailers, if any, go down with the connection. */
  async copyChunks(body: BoundedBody): Promise<void> {
    while (!body.full) {
      const line = await this.line(longestChunkLine);
      const digits = /^([0-9a-f]{1,12})[ \t]*(?:;|$)/i.exec(line)?.[1];
      if (!digits) throw new WireError("malformed", `not a chunk size: ${excerpt(line)}`);
      const size = parseInt(digits, 16);
      if (size === 0) return;
      await this.copy(size, body, true);
      if (!body.full && await this.line(2) !== "") {
        throw new WireError("malformed", "a chunk is longer than its size");
      }
    }
  }

  async #fill(): Promise<boolean> {
    const size = await this.#read(this.#buffer);
    this.#start = 0;
    this.#end = size ?? 0;
    this.begun ||= size !== null;
    return size !== null;
  }
}

/** A byte that a line of a head may hold. */
function isText(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e || byte === 0x09 || byte === 0x0d;
}

/** The begin of what somebody sent, in quotes. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** It begins as an alert or a handshake of TLS does. */
export const isTls = (said: string): boolean =>
  said.startsWith("\u0015\u0003") || said.startsWith("\u0016\u0003");
