/** What a route of the API is. One file of `routes/` has all of one, or of one subject. Spec: §12. */
import type { ZodType } from "zod";
import { LoaderError } from "../errors.ts";
import type { Shapes } from "./shapes.ts";
import type { ControlFailure, ControlTarget } from "./types.ts";
import type { Zod } from "./zod.ts";

/** A request on its way to a route. */
export interface Asked<Query> {
  target: ControlTarget;
  /** What stands for the one `{…}` of the path, decoded; "" if there is none. */
  name: string;
  query: Query;
  headers: Headers;
  /** Aborted when the client has gone, or the server is to end. */
  signal: AbortSignal;
  /** For what the client wants done. */
  log(message: string): void;
  /** All that there are. */
  routes: readonly Route[];
}

/** Schemas are functions: zod is loaded when a request must be checked, or the document made, and not before. */
export interface Route<Query = unknown, Answer = unknown> {
  method: "GET" | "POST";
  /** `{name}` stands for one segment; there is one at most. */
  path: `/v1/${string}`;
  /** What it is for, in one line; with all that is worth knowing. */
  summary: string;
  description?: string;
  /** The query's parameters; without it they are not looked at. */
  query?: (z: Zod) => ZodType<Query>;
  answer: (z: Zod, shapes: Shapes) => ZodType<Answer>;
  /** HTTP status of a success; 200. */
  status?: number;
  /** What the answer is, if not JSON; `answer` then is one of its parts. */
  type?: "text/event-stream" | "text/plain" | "application/x-ndjson";
  /** It may last: as many may not be waited for as there are connections. */
  lasts?: boolean;
  /** Statuses of its own refusals, each with when: `{"error": …}`. */
  refuses?: Record<number, string>;
  handle(asked: Asked<Query>): Answer | Response | Promise<Answer | Response>;
}

/** A route whose types are checked here, and then are everybody's. */
export function route<Query, Answer>(of: Route<Query, Answer>): Route<Query, Answer> {
  return of;
}

/** What any request may be refused with. */
export const refusals: Record<number, string> = {
  400: "the request is malformed",
  403: "another user's",
  411: "a body without a content-length",
  413: "a body of more than 64 KiB",
  431: "more than 8 KiB of headers",
  500: "a fault of the loader's own; its log says which",
  503: "too many connections",
};

/** Thrown at who asks for what there is not, or not so: it is answered, and told in the log. */
export class Refused extends Error {
  readonly code: string;
  readonly response: Response;

  constructor(status: number, code: string, message: string, hint: string | null = null) {
    super(message);
    this.code = code;
    this.response = failure(status, code, message, hint);
  }
}

/** HTTP status of an expected failure; any other is a 409: not now. */
const statusOf: Partial<Record<LoaderError["code"], number>> = { unknown_service: 404 };

export const failureOf = ({ code, message, hint }: LoaderError): Response =>
  failure(statusOf[code] ?? 409, code, message, hint);

export function failure(
  status: number,
  code: string,
  message: string,
  hint: string | null = null,
): Response {
  const error: ControlFailure = { code, message, hint };
  return json(status, { error });
}

export function json(status: number, value: unknown): Response {
  const body = new TextEncoder().encode(JSON.stringify(value) + "\n");
  return new Response(body, {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "content-length": String(body.length) },
  });
}

/** An answer that is made as it is read; `parts` is ended when the client goes. */
export function streamOf(type: NonNullable<Route["type"]>, parts: AsyncGenerator<string>): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => void await parts.return(undefined),
  }, { highWaterMark: 0 });
  return new Response(body, {
    headers: { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" },
  });
}

/** All of such an answer at once. */
export async function wholeOf(
  type: NonNullable<Route["type"]>,
  parts: AsyncGenerator<string>,
): Promise<Response> {
  const body = new TextEncoder().encode((await Array.fromAsync(parts)).join(""));
  return new Response(body, {
    headers: { "content-type": `${type}; charset=utf-8`, "content-length": String(body.length) },
  });
}

/** What a peer sent is quoted, but not at any length. */
const maxQuoted = 100;

export function quoted(text: string): string {
  return JSON.stringify(text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text);
}

export const notOffered = (what: string): Response => failure(501, "not_offered", what);
