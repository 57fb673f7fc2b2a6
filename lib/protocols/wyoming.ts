/**
 * Wyoming, the voice-service protocol over a byte stream: one JSON line, then `data_length` bytes of JSON, then
 * `payload_length` bytes. Everything read is hostile until checked: sizes are bounded before anything is buffered,
 * and the only thing thrown is {@link WyomingError}. Spec: §6, §9; CONTRACT §2, §4.
 */
import { isRecord } from "../shape.ts";

export interface WyomingEvent {
  type: string;
  /** Header data with the data block merged over it. */
  data: Record<string, unknown>;
  /** Raw bytes after the JSON, such as PCM; empty when there are none. */
  payload: Uint8Array;
}

export type WyomingErrorKind = "malformed" | "too_large" | "truncated";

/** The other side does not speak Wyoming, or says too much at once. The message is half a sentence. */
export class WyomingError extends Error {
  override name = "WyomingError";
  readonly kind: WyomingErrorKind;

  constructor(kind: WyomingErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Largest accepted sizes, in bytes. */
export interface WyomingLimits {
  header: number;
  data: number;
  payload: number;
}

/** An `info` that lists hundreds of voices is a few hundred KiB; audio comes in chunks of a few KiB. */
export const defaultLimits: WyomingLimits = { header: 1 << 20, data: 4 << 20, payload: 4 << 20 };

const newline = 0x0a;
const nothing: Uint8Array = new Uint8Array(0);

/** One event as bytes. Data travels in its own block, as the reference implementation sends it. */
export function encodeEvent(type: string, data: Record<string, unknown> = {}, payload = nothing): Uint8Array {
  const encoder = new TextEncoder();
  const block = Object.keys(data).length > 0 ? encoder.encode(JSON.stringify(data)) : nothing;
  const header: Record<string, unknown> = { type };
  if (block.length > 0) header.data_length = block.length;
  if (payload.length > 0) header.payload_length = payload.length;
  const line = encoder.encode(JSON.stringify(header) + "\n");
  const bytes = new Uint8Array(line.length + block.length + payload.length);
  bytes.set(line);
  bytes.set(block, line.length);
  bytes.set(payload, line.length + block.length);
  return bytes;
}

interface Header {
  type: string;
  data: Record<string, unknown>;
  dataLength: number;
  payloadLength: number;
}

/**
 * Bytes in, events out, however the bytes are split. It never holds more than one event of the size its limits allow,
 * plus what one `push()` brought. After it has thrown it is of no further use.
 */
export class WyomingDecoder {
  readonly #limits: WyomingLimits;
  #buffer: Uint8Array = new Uint8Array(1024);
  #start = 0;
  #end = 0;
  /** Where the search for the end of the header line goes on, so that a slow line is not searched twice. */
  #searched = 0;
  #header: Header | null = null;

  constructor(limits: WyomingLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** True between events: the stream may end here. */
  get atBoundary(): boolean {
    return this.#header === null && this.#start === this.#end;
  }

  /** Bytes held back for an event that is not complete yet. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }

  /** Takes more bytes and returns the events they complete. Throws {@link WyomingError}. */
  push(chunk: Uint8Array): WyomingEvent[] {
    this.#append(chunk);
    const events: WyomingEvent[] = [];
    for (;;) {
      this.#header ??= this.#takeHeader();
      const header = this.#header;
      if (!header || this.pendingBytes < header.dataLength + header.payloadLength) return events;
      const block = header.dataLength > 0 ? parseObject(this.#take(header.dataLength), "data") : {};
      const payload = header.payloadLength > 0 ? this.#take(header.payloadLength).slice() : nothing;
      this.#header = null;
      events.push({ type: header.type, data: { ...header.data, ...block }, payload });
    }
  }

  #takeHeader(): Header | null {
    const at = this.#buffer.subarray(0, this.#end).indexOf(newline, Math.max(this.#searched, this.#start));
    this.#searched = this.#end;
    const length = (at < 0 ? this.#end : at) - this.#start;
    if (length > this.#limits.header) throw new WyomingError("too_large", "the header line is too long");
    if (length >= 3 && isTls(this.#buffer, this.#start)) {
      throw new WyomingError("malformed", "it speaks TLS: set `tls` of the service");
    }
    if (at < 0) return null;
    const line = this.#take(length);
    this.#take(1);
    this.#searched = this.#start;
    return readHeader(line, this.#limits);
  }

  #take(count: number): Uint8Array {
    const part = this.#buffer.subarray(this.#start, this.#start + count);
    this.#start += count;
    return part;
  }

  #append(chunk: Uint8Array): void {
    const held = this.pendingBytes;
    if (this.#end + chunk.length > this.#buffer.length) {
      const fits = held + chunk.length <= this.#buffer.length;
      const target = fits ? this.#buffer : new Uint8Array(Math.max(2 * held, held + chunk.length, 1024));
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#searched = Math.max(0, this.#searched - this.#start);
      this.#start = 0;
      this.#end = held;
    }
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }
}

/** An alert or a handshake of TLS; no JSON begins so. */
function isTls(bytes: Uint8Array, at: number): boolean {
  return (bytes[at] === 0x15 || bytes[at] === 0x16) && bytes[at + 1] === 3;
}

function readHeader(line: Uint8Array, limits: WyomingLimits): Header {
  const header = parseObject(line, "header");
  if (typeof header.type !== "string" || header.type === "") {
    throw new WyomingError("malformed", "the header has no type");
  }
  const data = header.data ?? {};
  if (!isRecord(data)) throw new WyomingError("malformed", "the header's data is no object");
  return {
    type: header.type,
    data,
    dataLength: readLength(header.data_length, "data_length", limits.data),
    payloadLength: readLength(header.payload_length, "payload_length", limits.payload),
  };
}

function readLength(value: unknown, name: string, max: number): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    throw new WyomingError("malformed", `${name} is no length`);
  }
  if (value > max) throw new WyomingError("too_large", `${name} is ${value}, at most ${max} is accepted`);
  return value;
}

function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new WyomingError("malformed", `the ${what} is not JSON`);
  }
  if (!isRecord(value)) throw new WyomingError("malformed", `the ${what} is no JSON object`);
  return value;
}

/** The part of a connection that a reader needs. */
export interface ByteSource {
  read(into: Uint8Array): Promise<number | null>;
}

/** The events of a connection, one after the other; null at its end. Rejects with WyomingError, or as the source does. */
export function eventReader(source: ByteSource, limits: WyomingLimits = defaultLimits): {
  next(): Promise<WyomingEvent | null>;
} {
  const decoder = new WyomingDecoder(limits);
  const buffer = new Uint8Array(16 * 1024);
  const ready: WyomingEvent[] = [];
  return {
    async next() {
      for (;;) {
        const event = ready.shift();
        if (event) return event;
        const size = await source.read(buffer);
        if (size === null) {
          if (decoder.atBoundary) return null;
          throw new WyomingError("truncated", "the connection was closed in the middle of an event");
        }
        ready.push(...decoder.push(buffer.subarray(0, size)));
      }
    },
  };
}

/** What a server offers, by kind ("asr", "tts", "wake", …): the names of programs, models and voices that are installed. */
export type WyomingOffer = Record<string, string[]>;

/** Reads the data of an `info` event; anything of an unexpected shape is left out. */
export function readInfo(data: Record<string, unknown>): WyomingOffer {
  const offer: WyomingOffer = {};
  for (const [kind, artifacts] of Object.entries(data)) {
    const programs = isRecord(artifacts) ? [artifacts] : artifacts; // a satellite is one thing, not a list
    if (!Array.isArray(programs) || programs.length === 0) continue;
    const names = new Set<string>();
    for (const program of programs) collectNames(program, names);
    offer[kind] = [...names];
  }
  return offer;
}

function collectNames(artifact: unknown, names: Set<string>): void {
  if (!isRecord(artifact) || artifact.installed === false) return;
  if (typeof artifact.name === "string") names.add(artifact.name);
  for (const list of [artifact.models, artifact.voices]) {
    if (Array.isArray(list)) { for (const item of list) collectNames(item, names); }
  }
}

/** True if `offered` is `wanted`, or a version of it as openWakeWord names them: "alexa_v0.1" is "alexa". */
export function isNamed(offered: string, wanted: string): boolean {
  return offered === wanted || offered.replace(/_v\d[\d.]*$/, "") === wanted;
}
