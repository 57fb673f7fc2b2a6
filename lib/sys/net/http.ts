/**
 * HTTP as probes, warm-ups and control verbs need it: one request, one bounded answer, no redirects followed, no
 * connection kept, nothing left behind. On loopback no proxy comes between, whatever the environment says. Spec: §6;
 * CONTRACT §1, §2, §5.
 */
import { type Clock, deadline, systemClock } from "../clock.ts";
import { isShortage, noneFree, noneFreeText } from "../process/descriptors.ts";
import { isLoopback, type TcpErrorKind } from "./tcp.ts";

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
}

/** `garbage`: something answers there, but not with HTTP. */
export type HttpErrorKind = Exclude<TcpErrorKind, "aborted"> | "timeout" | "garbage";

/** Why there is no answer; the message is half a sentence: "connection refused", "no answer within 2000 ms". */
export class HttpError extends Error {
  override name = "HttpError";
  readonly kind: HttpErrorKind;

  constructor(kind: HttpErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

export interface HttpResponse {
  status: number;
  /** At most `maxBytes` of the body, as UTF-8 with replacement characters. */
  text: string;
  /** The body was longer than `maxBytes`. */
  truncated: boolean;
  /** Length of the body as far as it was read. */
  bytes: number;
  /** From the call to the end of the answer. */
  ms: number;
}

/** Asks once. Rejects with an {@link HttpError}, or with the signal's reason when `signal` is aborted. */
export async function httpRequest(url: string, request: HttpRequest): Promise<HttpResponse> {
  request.signal.throwIfAborted();
  if (noneFree()) throw new HttpError("unasked", noneFreeText);
  const clock = request.clock ?? systemClock;
  const began = clock.now();
  using limit = deadline(clock, request.timeoutMs, request.signal);
  try {
    const answer = await ask(new URL(url), request, limit.signal);
    const text = new TextDecoder().decode(answer.kept);
    return {
      status: answer.status,
      text,
      truncated: answer.bytes > request.maxBytes,
      bytes: answer.bytes,
      ms: clock.now() - began,
    };
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    if (limit.signal.aborted) {
      throw new HttpError("timeout", `no answer within ${request.timeoutMs} ms`, error);
    }
    throw asHttpError(error);
  }
}

// Clients own no connection, since none is kept idle.
let direct: Deno.HttpClient | undefined;
let usual: Deno.HttpClient | undefined;

/** A client takes the proxies from the environment when it is made. */
function directClient(): Deno.HttpClient {
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
  const values = proxies.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of proxies) Deno.env.delete(name);
  try {
    return Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  } finally {
    for (const [name, value] of values) if (value !== undefined) Deno.env.set(name, value);
  }
}

async function ask(url: URL, request: HttpRequest, signal: AbortSignal): Promise<RawAnswer> {
  const client = isLoopback(url.hostname)
    ? direct ??= directClient()
    : usual ??= Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const headers = new Headers(request.headers);
  if (url.username && !headers.has("authorization")) {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    const octets = String.fromCharCode(...new TextEncoder().encode(credentials));
    headers.set("authorization", `Basic ${btoa(octets)}`);
  }
  url.username = url.password = ""; // fetch takes none
  const response = await fetch(url, {
    method: request.method ?? "GET",
    body: request.body,
    headers,
    signal,
    redirect: "manual",
    client,
  });
  const body = new BoundedBody(request);
  const reader = response.body?.getReader();
  if (!reader) return body.answer(response.status);
  try {
    const wanted = request.maxBytes > 0 || request.drain === true;
    while (wanted && !body.full) {
      const { value, done } = await reader.read();
      if (done) break;
      body.add(value);
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
  return body.answer(response.status);
}

function asHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const message = rootMessage(error);
  if (isShortage(message)) return new HttpError("unasked", noneFreeText, error);
  if (/connection refused/i.test(message)) return new HttpError("refused", "connection refused", error);
  if (/reset|closed|broken pipe|unexpected end|eof|reading a body/i.test(message)) {
    return new HttpError("reset", message, error);
  }
  if (/invalid|corrupt|parse|too large|http2 error|tls|certificate/i.test(message)) {
    return new HttpError("garbage", message, error);
  }
  return new HttpError("unreachable", message, error);
}

/** fetch says only "fetch failed"; what failed is in its cause, behind a preamble that repeats the address. */
function rootMessage(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause;
  const message = inner instanceof Error ? inner.message : String(inner);
  return message.replace(/^error sending request.*?client error \(\w+\): /, "");
}

/** The kept part of the body, and how long it was. */
interface RawAnswer {
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
