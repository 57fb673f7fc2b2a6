/**
 * One HTTP/1.1 request out of a byte stream: strict about everything that decides where it ends, and bounded.
 * Spec: §12.
 */
import { BoundedBody } from "./http_common.ts";
import { HttpInput, type Read, WireError } from "./http_wire.ts";

/** A request that is not served, as an HTTP status and half a sentence. */
export interface Refusal {
  status: number;
  why: string;
}

export interface RequestLimits {
  /** Longest body, bytes. */
  maxBodyBytes: number;
  /** A body may come in chunks, without a content-length. */
  chunked: boolean;
}

const maxHeadBytes = 8 * 1024;
const maxHeaders = 64;
const requestLine = /^([A-Z]{1,16}) (\S{1,4096}) HTTP\/1\.([01])$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)$/;

/** The request, why there is none, or null when the peer went away without a word. Rejects only when `read` does. */
export async function readRequest(
  read: Read,
  limits: RequestLimits,
  signal: AbortSignal,
): Promise<Request | Refusal | null> {
  const input = new HttpInput(read, true);
  try {
    return await requestOf(input, limits, signal);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (!input.begun) return null;
    if (error.kind === "ended") return { status: 400, why: "the request ended in its head" };
    if (error.kind === "cut") return { status: 400, why: "the body ended before its content-length" };
    if (error.kind === "malformed") return { status: 400, why: error.message };
    return { status: 431, why: `the head is longer than ${maxHeadBytes} bytes` };
  }
}

async function requestOf(
  input: HttpInput,
  { maxBodyBytes, chunked }: RequestLimits,
  signal: AbortSignal,
): Promise<Request | Refusal> {
  const first = await input.line(maxHeadBytes);
  const request = requestLine.exec(first);
  if (!request) return { status: 400, why: "this is not an HTTP/1.1 request" };
  const [, method = "", target = "", minor] = request;
  const headers = new Headers();
  let room = maxHeadBytes - first.length;
  let count = 0;
  for (let line = await input.line(room); line !== ""; line = await input.line(room)) {
    if (++count > maxHeaders) return { status: 431, why: `more than ${maxHeaders} headers` };
    const header = headerLine.exec(line);
    if (!header) return { status: 400, why: "a header is malformed" };
    const [, name = "", value = ""] = header;
    headers.append(name, value.trim());
    room -= line.length;
  }
  if (minor === "1" && !headers.has("host")) return { status: 400, why: "the Host header is missing" };
  const inChunks = chunked && headers.get("transfer-encoding")?.toLowerCase() === "chunked";
  if (headers.has("transfer-encoding") && !inChunks) {
    return { status: 411, why: "a body needs a content-length" };
  }
  const length = headers.get("content-length") ?? "0";
  // Two such headers would arrive here as "5, 5": no number either.
  if (!/^\d{1,15}$/.test(length)) return { status: 400, why: "the content-length is no number" };
  const body = new BoundedBody({ maxBytes: maxBodyBytes });
  if (inChunks) await input.copyChunks(body);
  else if (Number(length) <= maxBodyBytes) await input.copy(Number(length), body, true);
  if (body.full || Number(length) > maxBodyBytes) {
    return { status: 413, why: `the body is longer than ${maxBodyBytes} bytes` };
  }
  // Clients that speak through a "proxy" send the absolute form.
  const path = target.replace(/^http:\/\/[^/?#]*(?=\/)/, "");
  if (!path.startsWith("/")) return { status: 400, why: "the request target is not a path" };
  const bodiless = method === "GET" || method === "HEAD";
  try {
    return new Request(`http://localhost${path}`, {
      method,
      headers,
      body: bodiless ? null : body.answer(0).kept,
      signal,
    });
  } catch {
    return { status: 400, why: "the request is malformed" };
  }
}
