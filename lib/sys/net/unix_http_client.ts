/** Asking an HTTP server on a unix socket: one request, one bounded answer, no proxy in between. Spec: §12. */
import { reasonOf } from "../../errors.ts";

export interface UnixHttpRequest {
  method?: "GET" | "POST";
  /** Path and query. */
  target: string;
  signal: AbortSignal;
  /** A longer answer is an error. */
  maxBytes: number;
}

/** `nobody`: no socket, or nobody listens on it. `denied`: it is another user's. `broken`: anything else. */
export type UnixHttpErrorKind = "nobody" | "denied" | "broken";

export class UnixHttpError extends Error {
  override name = "UnixHttpError";
  readonly kind: UnixHttpErrorKind;

  constructor(kind: UnixHttpErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** Asks once, and gives the answer's text as it comes; errors as {@link unixHttpRequest}. One that refuses has all of it at once. */
export async function* unixHttpStream(
  path: string,
  request: Omit<UnixHttpRequest, "maxBytes">,
): AsyncGenerator<{ status: number; text: string }> {
  using client = clientOf(path);
  try {
    const response = await send(client, request);
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      yield { status: response.status, text: decoder.decode(chunk, { stream: true }) };
    }
  } catch (error) {
    request.signal.throwIfAborted();
    throw explained(error);
  }
}

/** Asks once. Rejects with a {@link UnixHttpError}, or with the signal's reason. */
export async function unixHttpRequest(
  path: string,
  request: UnixHttpRequest,
): Promise<{ status: number; text: string }> {
  using client = clientOf(path);
  try {
    const response = await send(client, request);
    return { status: response.status, text: await boundedText(response, request.maxBytes) };
  } catch (error) {
    request.signal.throwIfAborted();
    throw explained(error);
  }
}

/** An explicit proxy of the client outranks HTTP_PROXY and its like. */
function clientOf(path: string): Deno.HttpClient {
  return Deno.createHttpClient({ proxy: { transport: "unix", path }, poolMaxIdlePerHost: 0 });
}

function send(
  client: Deno.HttpClient,
  { target, method = "GET", signal }: Omit<UnixHttpRequest, "maxBytes">,
): Promise<Response> {
  return fetch(`http://localhost${target}`, { method, redirect: "manual", signal, client });
}

function explained(error: unknown): UnixHttpError {
  if (error instanceof UnixHttpError) return error;
  // fetch says what happened only in the words of its cause.
  const reason = reasonOf(error instanceof Error && error.cause ? error.cause : error);
  if (/no such file|refused/i.test(reason)) {
    return new UnixHttpError("nobody", "nobody listens there", error);
  }
  if (/permission denied/i.test(reason)) return new UnixHttpError("denied", "permission denied", error);
  return new UnixHttpError("broken", reason, error);
}

async function boundedText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop early cancels the body.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new UnixHttpError("broken", `the answer is longer than ${maxBytes} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
