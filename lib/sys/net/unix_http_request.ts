/**
 * One HTTP/1.1 request out of a byte stream: strict about everything that decides where it ends, and bounded.
 * Spec: §12.
 */

/** A request that is not served, as an HTTP status and half a sentence. */
export interface Refusal {
  status: number;
  why: string;
}

/** Reads what is there, at most `into.length` bytes; null at the end of the stream. */
export type Read = (into: Uint8Array) => Promise<number | null>;

const maxHeadBytes = 8 * 1024;
const maxHeaders = 64;
const requestLine = /^([A-Z]{1,16}) (\S{1,4096}) HTTP\/1\.([01])$/;
const headerLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e]*)$/;

/** The request, why there is none, or null when the peer went away without a word. Rejects only when `read` does. */
export async function readRequest(
  read: Read,
  maxBodyBytes: number,
  signal: AbortSignal,
): Promise<Request | Refusal | null> {
  const buffer = new Uint8Array(maxHeadBytes);
  for (let filled = 0; filled < buffer.length;) {
    const size = await read(buffer.subarray(filled));
    if (size === null) return filled === 0 ? null : { status: 400, why: "the request ended in its head" };
    const before = filled;
    filled += size;
    // Only what is new is looked at: a peer that sends byte by byte costs no more than another.
    const end = endOfHead(buffer, Math.max(0, before - 3), filled);
    // What cannot become HTTP (TLS, binary rubbish) is refused at once, not when its time is up.
    if (!buffer.subarray(before, end ?? filled).every(isText)) {
      return { status: 400, why: "this is not HTTP" };
    }
    if (end === null) continue;
    const head = parseHead(new TextDecoder().decode(buffer.subarray(0, end)), maxBodyBytes);
    if ("status" in head) return head;
    const body = await readBody(read, buffer.subarray(end + 4, filled), head.length);
    if (body === null) return { status: 400, why: "the body ended before its content-length" };
    return toRequest(head, body, signal);
  }
  return { status: 431, why: `the head is longer than ${maxHeadBytes} bytes` };
}

/** Where the blank line that ends the head begins, looking from `from` on; null if it is not there yet. */
function endOfHead(buffer: Uint8Array, from: number, filled: number): number | null {
  for (let at = buffer.indexOf(0x0d, from); at >= 0 && at + 4 <= filled; at = buffer.indexOf(0x0d, at + 1)) {
    if (buffer[at + 1] === 0x0a && buffer[at + 2] === 0x0d && buffer[at + 3] === 0x0a) return at;
  }
  return null;
}

/** A byte that a head may hold. */
function isText(byte: number): boolean {
  return byte >= 0x20 && byte <= 0x7e || byte === 0x09 || byte === 0x0d || byte === 0x0a;
}

interface Head {
  method: string;
  target: string;
  headers: Headers;
  length: number;
}

function parseHead(text: string, maxBodyBytes: number): Head | Refusal {
  const [first, ...lines] = text.split("\r\n");
  const request = requestLine.exec(first);
  if (!request) return { status: 400, why: "this is not an HTTP/1.1 request" };
  if (lines.length > maxHeaders) return { status: 431, why: `more than ${maxHeaders} headers` };
  const headers = new Headers();
  for (const line of lines) {
    const header = headerLine.exec(line);
    if (!header) return { status: 400, why: "a header is malformed" };
    headers.append(header[1], header[2].trim());
  }
  const [, method, target, minor] = request;
  if (minor === "1" && !headers.has("host")) return { status: 400, why: "the Host header is missing" };
  if (headers.has("transfer-encoding")) return { status: 411, why: "a body needs a content-length" };
  const length = headers.get("content-length") ?? "0";
  // Two such headers would arrive here as "5, 5": no number either.
  if (!/^\d{1,15}$/.test(length)) return { status: 400, why: "the content-length is no number" };
  if (Number(length) > maxBodyBytes) {
    return { status: 413, why: `the body is longer than ${maxBodyBytes} bytes` };
  }
  return { method, target, headers, length: Number(length) };
}

async function readBody(
  read: Read,
  begun: Uint8Array,
  length: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const body = new Uint8Array(length);
  // Whatever follows the request is not ours: one connection carries one request.
  body.set(begun.subarray(0, length));
  for (let at = Math.min(begun.length, length); at < length;) {
    const size = await read(body.subarray(at));
    if (size === null) return null;
    at += size;
  }
  return body;
}

function toRequest(head: Head, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Request | Refusal {
  // Clients that speak through a "proxy" send the absolute form.
  const path = head.target.replace(/^http:\/\/[^/?#]*(?=\/)/, "");
  if (!path.startsWith("/")) return { status: 400, why: "the request target is not a path" };
  const bodiless = head.method === "GET" || head.method === "HEAD";
  try {
    return new Request(`http://localhost${path}`, {
      method: head.method,
      headers: head.headers,
      body: bodiless ? null : body,
      signal,
    });
  } catch {
    return { status: 400, why: "the request is malformed" };
  }
}
