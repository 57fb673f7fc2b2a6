/**
 * One HTTP/1.1 exchange over one TCP connection: `Connection: close`, bounded head, bounded body, strict about
 * everything that decides where the answer ends. Used by `http.ts` only.
 */
import type { Link } from "../../model/plan.ts";
import { BoundedBody, HttpError, type HttpRequest, type RawAnswer } from "./http_common.ts";
import { excerpt, HttpInput, isTls, WireError } from "./http_wire.ts";
import { connectTcp, TcpError } from "./tcp.ts";

/** Longer heads are refused. */
const maxHeadBytes = 16 * 1024;

/** Sends `request` and reads the answer; `signal` bounds all of it. Rejects with HttpError or TcpError. */
export async function exchange(url: URL, request: HttpRequest, signal: AbortSignal): Promise<RawAnswer> {
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  using stream = await connectTcp(url.hostname, port, signal, linkFor(url, request.link));
  try {
    await stream.write(requestBytes(url, request));
  } catch (error) {
    // A server may answer (413, 404) and close before it has read the body: its answer counts, not our broken pipe.
    if (!(error instanceof TcpError && error.kind === "reset")) throw error;
  }
  const input = new HttpInput((into) => stream.read(into), false);
  try {
    const head = await readHead(input);
    const body = new BoundedBody(request);
    const wanted = request.maxBytes > 0 || request.drain === true;
    const bodiless = request.method === "HEAD" || head.status === 204 || head.status === 304;
    if (wanted && !bodiless) await readBody(input, head.headers, body);
    return body.answer(head.status);
  } catch (error) {
    throw error instanceof WireError ? inWords(error) : error;
  }
}

/** The address says whether there is TLS; the link, which. */
function linkFor({ protocol }: URL, link: Link | undefined): Link | undefined {
  if (link === undefined) return undefined;
  const { tls = {}, ...rest } = link;
  return protocol === "https:" ? { tls, ...rest } : rest;
}

function inWords({ kind, message }: WireError): HttpError {
  switch (kind) {
    case "ended":
      return message === ""
        ? new HttpError("reset", "the connection was closed without an answer")
        : notHttp(`the connection was closed after ${excerpt(message)}`, message);
    case "cut":
      return new HttpError("reset", "the connection was closed in the middle of the answer");
    case "too_long":
      return new HttpError("garbage", "the head of the answer is too long");
    case "malformed":
      return new HttpError("garbage", message);
  }
}

/** What begins as an alert or a handshake of TLS is that. */
function notHttp(why: string, said: string): HttpError {
  return new HttpError("garbage", isTls(said) ? "it speaks TLS: write https for http" : why);
}

function requestBytes(url: URL, request: HttpRequest): Uint8Array {
  const headers: Record<string, string> = {
    host: url.host,
    connection: "close",
    accept: "*/*",
    "user-agent": "alexa-loader",
    ...request.headers,
  };
  const method = request.method ?? "GET";
  const given = request.body ?? "";
  const body = typeof given === "string" ? new TextEncoder().encode(given) : given;
  if (body.length > 0 || (method !== "GET" && method !== "HEAD")) {
    headers["content-length"] = String(body.length);
  }
  if (url.username && headers.authorization === undefined) {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    const octets = String.fromCharCode(...new TextEncoder().encode(credentials));
    headers.authorization = `Basic ${btoa(octets)}`;
  }
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (lines.some((line) => /[\r\n]/.test(line))) {
    throw new TypeError("a request line or header holds a line break");
  }
  const head = new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

interface Head {
  status: number;
  headers: Map<string, string>;
}

async function readHead(input: HttpInput): Promise<Head> {
  let budget = maxHeadBytes;
  for (;;) {
    const statusLine = await input.line(budget);
    const match = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(statusLine);
    if (!match) throw notHttp(`not HTTP: ${excerpt(statusLine)}`, statusLine);
    budget -= statusLine.length;
    const headers = new Map<string, string>();
    for (;;) {
      const line = await input.line(budget);
      if (line === "") break;
      budget -= line.length;
      const colon = line.indexOf(":");
      if (colon <= 0) throw new HttpError("garbage", `not an HTTP header: ${excerpt(line)}`);
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      const earlier = headers.get(name);
      headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
    }
    const status = Number(match[1]);
    // 100 Continue, 103 Early Hints: the answer proper follows. 101 would be the end of HTTP, and nobody asked for it.
    if (status >= 200 || status === 101) return { status, headers };
  }
}

async function readBody(input: HttpInput, headers: Map<string, string>, body: BoundedBody): Promise<void> {
  const encoding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== "chunked") {
      throw new HttpError("garbage", `unknown encoding ${excerpt(encoding)}`);
    }
    await input.copyChunks(body);
  } else if (length !== undefined) {
    if (!/^\d{1,15}$/.test(length)) throw new HttpError("garbage", `content-length is ${excerpt(length)}`);
    await input.copy(Number(length), body, true);
  } else {
    await input.copy(Infinity, body, false);
  }
}
