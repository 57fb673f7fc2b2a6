/** What the two ways of asking over HTTP (`http1.ts`, and fetch in `http.ts`) have in common. Spec: §6. */
import type { Link } from "../../model/plan.ts";
import type { Clock } from "../clock.ts";
import type { TcpErrorKind } from "./tcp.ts";

export interface HttpRequest {
  method?: string;
  /** Sent as it is; set `content-type` in `headers`. */
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
  signal: AbortSignal;
  /** For the whole exchange. */
  timeoutMs: number;
  /** How much of the body is kept. 0: the answer is complete with its status line and headers. */
  maxBytes: number;
  /** Reads the body to its end although only `maxBytes` are kept: for answers whose end is what one waits for. */
  drain?: boolean;
  clock?: Clock;
  /** How its server is reached; left out: plainly, or by https with the authorities that everybody trusts. */
  link?: Link | undefined;
}

/** `garbage`: something answers there, but not with HTTP. `denied`: it does not take our token, or we have none. */
export type HttpErrorKind = Exclude<TcpErrorKind, "aborted"> | "timeout" | "garbage" | "denied";

/** Why there is no answer; the message is half a sentence: "connection refused", "no answer within 2000 ms". */
export class HttpError extends Error {
  override name = "HttpError";
  readonly kind: HttpErrorKind;

  constructor(kind: HttpErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** What both ways of asking return: the kept part of the body, and how long it was. */
export interface RawAnswer {
  status: number;
  kept: Uint8Array<ArrayBuffer>;
  bytes: number;
}

/** Keeps the first `maxBytes` of what it is given. `full` when the reader may stop. */
export class BoundedBody {
  readonly #max: number;
  readonly #drain: boolean;
  #chunks: Uint8Array[] = [];
  #kept = 0;
  bytes = 0;

  constructor(request: Pick<HttpRequest, "maxBytes" | "drain">) {
    this.#max = request.maxBytes;
    this.#drain = request.drain ?? false;
  }

  get full(): boolean {
    return !this.#drain && this.bytes > this.#max;
  }

  /** Copies what it keeps, so the caller may reuse its buffer. */
  add(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    const part = chunk.slice(0, this.#max - this.#kept);
    if (part.length === 0) return;
    this.#kept += part.length;
    this.#chunks.push(part);
  }

  answer(status: number): RawAnswer {
    const kept = new Uint8Array(this.#kept);
    let at = 0;
    for (const chunk of this.#chunks) {
      kept.set(chunk, at);
      at += chunk.length;
    }
    return { status, kept, bytes: this.bytes };
  }
}
