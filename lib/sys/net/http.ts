/**
 * HTTP as probes, warm-ups and control verbs need it: one request, one bounded answer, no redirects followed, no
 * connection kept, nothing left behind. Spec: §6; CONTRACT §2, §5.
 *
 * Plain `http:` on loopback goes over our own HTTP/1.1 (`http1.ts`): no proxy can come between, and each question costs
 * half a millisecond less than with fetch, and the program 5 MB less: see "200 services" and "idle" of the benchmark.
 * So does what is asked by a link, with its TLS and its token. Everything else is fetch.
 */
import { deadline, systemClock } from "../clock.ts";
import { isShortage, noneFree, noneFreeText } from "../process/descriptors.ts";
import { exchange } from "./http1.ts";
import { BoundedBody, HttpError, type HttpRequest, type RawAnswer } from "./http_common.ts";
import { isLoopback, TcpError } from "./tcp.ts";

export { HttpError, type HttpErrorKind, type HttpRequest } from "./http_common.ts";

export interface HttpResponse {
  status: number;
  /** At most `maxBytes` of the body, as UTF-8 with replacement characters. */
  text: string;
  /** The same as bytes. */
  kept: Uint8Array<ArrayBuffer>;
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
  const clock = request.clock ?? systemClock;
  const began = clock.now();
  using limit = deadline(clock, request.timeoutMs, request.signal);
  const target = new URL(url);
  const { link } = request;
  const ask = link || (target.protocol === "http:" && isLoopback(target.hostname)) ? exchange : viaFetch;
  try {
    const words = link?.token && await import("./link.ts");
    const token = words?.tokenOf(link!);
    const headers = token ? { ...request.headers, authorization: `Bearer ${token}` } : request.headers ?? {};
    const answer = await ask(target, { ...request, headers }, limit.signal);
    if (words && (answer.status === 401 || answer.status === 403)) {
      throw words.tokenRefused(link!, String(answer.status));
    }
    let text = new TextDecoder().decode(answer.kept);
    if (token) text = words!.withoutToken(text, token); // some say in their error what they were given
    return {
      status: answer.status,
      text,
      kept: answer.kept,
      truncated: answer.bytes > request.maxBytes,
      bytes: answer.bytes,
      ms: clock.now() - began,
    };
  } catch (error) {
    if (request.signal.aborted) throw request.signal.reason;
    if (limit.signal.aborted) {
      throw new HttpError("timeout", `no answer within ${request.timeoutMs} ms`, error);
    }
    throw await asHttpError(error);
  }
}

let sharedClient: Deno.HttpClient | undefined;

async function viaFetch(url: URL, request: HttpRequest, signal: AbortSignal): Promise<RawAnswer> {
  if (noneFree()) throw new HttpError("unasked", noneFreeText); // the other way, tcp.ts sees to that
  // One client for the whole program: it owns no connection, since none is kept idle.
  sharedClient ??= Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const response = await fetch(url, {
    method: request.method ?? "GET",
    body: request.body ?? null,
    headers: request.headers ?? {},
    signal,
    redirect: "manual",
    client: sharedClient,
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

async function asHttpError(error: unknown): Promise<HttpError> {
  if (error instanceof HttpError) return error;
  if (error instanceof TcpError && error.kind !== "aborted") {
    return new HttpError(error.kind, error.message, error);
  }
  const message = rootMessage(error);
  if (isShortage(message)) return new HttpError("unasked", noneFreeText, error);
  if (/certificate|corrupt message|fatal alert/i.test(message)) {
    const { tlsTrouble } = await import("./tls.ts");
    return new HttpError("untrusted", tlsTrouble(message) ?? message, error);
  }
  if (/invalid http version/i.test(message)) {
    return new HttpError("garbage", "it does not speak HTTP; if it speaks TLS, write https for http", error);
  }
  if (/connection refused/i.test(message)) return new HttpError("refused", "connection refused", error);
  if (/reset|closed|broken pipe|unexpected end|eof/i.test(message)) {
    return new HttpError("reset", message, error);
  }
  if (/invalid|corrupt|parse|http2 error|tls|certificate/i.test(message)) {
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
