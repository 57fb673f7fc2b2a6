/** From a request to its route and back, whatever carries them. Spec: §12. */
import { LoaderError, reasonOf } from "../errors.ts";
import type { LogLevel } from "../log/mod.ts";
import { routes } from "./registry.ts";
import { type Asked, failure, failureOf, json, quoted, Refused, type Route } from "./route.ts";
import type { ControlTarget } from "./types.ts";

/** Connections are bounded; requests that last long, and streams, must leave some of them to the others. */
const maxLasting = 32, maxStreams = 24;
/** More kinds of refusals than these are nobody's mistakes. */
const maxTold = 32;

const refusalCode: Record<number, string> = {
  403: "forbidden",
  411: "length_required",
  413: "body_too_large",
  431: "head_too_large",
  500: "internal",
  503: "busy",
};

export class Answers {
  #target: ControlTarget;
  #log: (level: LogLevel, message: string) => void;
  #lasting = { waiting: 0, streams: 0 };
  #told = new Set<string>();

  /** `log` is told of what clients ask to be done, of faults, and once of each kind of refusal. */
  constructor(target: ControlTarget, log: (level: LogLevel, message: string) => void) {
    this.#target = target;
    this.#log = log;
  }

  /** Rejects only with faults. */
  async answer(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (error) {
      if (error instanceof LoaderError) return failureOf(error);
      if (!(error instanceof Refused)) throw error;
      this.tell(error.code, error.message);
      return error.response;
    }
  }

  /** A request that did not get here. */
  refuse({ status, why }: { status: number; why: string }): Response {
    if (status < 500) this.tell(status === 403 ? why : `${status}`, why);
    return failure(status, refusalCode[status] ?? "bad_request", why);
  }

  /** Of each kind once: whoever knocks often shall not fill the log. */
  tell(kind: string, why: string): void {
    if (this.#told.has(kind) || this.#told.size >= maxTold) return;
    this.#told.add(kind);
    this.#log("WARNING", `Control request refused: ${why} (others of this kind are not told)`);
  }

  fault(error: unknown): void {
    this.#log("ERROR", `Control request failed: ${reasonOf(error)}`);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const { route, name } = routeTo(request.method, url.pathname);
    const query = route.query ? await queryOf(route, url.searchParams) : {};
    const asked: Asked<unknown> = {
      target: this.#target,
      name,
      query,
      headers: request.headers,
      signal: request.signal,
      log: (message) => this.#log("INFO", message),
      routes,
    };
    if (!route.lasts) return await respond(route, asked);
    const kind = route.type === undefined ? "waiting" : "streams";
    const limit = kind === "waiting" ? maxLasting : maxStreams;
    if (this.#lasting[kind] >= limit) {
      return failure(503, "busy", `${limit} requests are being waited for already`);
    }
    this.#lasting[kind]++;
    const over = () => void this.#lasting[kind]--;
    let goesOn = false;
    try {
      const response = await respond(route, asked);
      goesOn = kind === "streams" && response.status < 300 && !request.signal.aborted;
      // A stream lasts until its connection ends.
      if (goesOn) request.signal.addEventListener("abort", over, { once: true });
      return response;
    } finally {
      if (!goesOn) over();
    }
  }
}

async function respond(route: Route, asked: Asked<unknown>): Promise<Response> {
  const answer = await route.handle(asked);
  return answer instanceof Response ? answer : json(route.status ?? 200, answer);
}

function routeTo(method: string, pathname: string): { route: Route; name: string } {
  const here = routes.flatMap((route) => {
    const name = nameIn(route.path, pathname);
    return name === null ? [] : [{ route, name }];
  });
  const found = here.find(({ route }) => route.method === method);
  if (found) return found;
  if (here.length === 0) {
    const what = `there is nothing at ${quoted(pathname)}`;
    throw new Refused(404, "unknown_route", what, "GET /v1/openapi.json says what there is.");
  }
  const allow = here.map(({ route }) => route.method).join(", ");
  const what = `${quoted(pathname)} does not take ${method}`;
  const refused = new Refused(405, "method_not_allowed", what, `Use ${allow}.`);
  refused.response.headers.set("allow", allow);
  throw refused;
}

/** What stands for `{…}` when `pathname` has the form of `path` ("" if there is no such part); null when it has not. */
function nameIn(path: string, pathname: string): string | null {
  const [wanted, given] = [path.split("/"), pathname.split("/")];
  if (wanted.length !== given.length) return null;
  let name = "";
  for (const [i, part] of wanted.entries()) {
    if (part.startsWith("{")) name = decoded(given[i] ?? "");
    else if (part !== given[i]) return null;
  }
  return name;
}

/** A malformed escape stays as it is: nothing has such a name. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The parameters as the route wants them. */
async function queryOf(route: Route, given: URLSearchParams): Promise<unknown> {
  const { z } = await import("./zod.ts");
  const read = route.query!(z).safeParse(Object.fromEntries(given));
  if (read.success) return read.data;
  const [problem] = read.error.issues;
  throw new Refused(400, "bad_parameter", `${problem!.path.join(".")}: ${problem!.message}`);
}
