/** The control socket's answering end. Spec: §12. */
import { LoaderError, reasonOf } from "../errors.ts";
import type { LogLevel } from "../log/mod.ts";
import { type Clock, systemClock } from "../sys/clock.ts";
import { HttpServer } from "../sys/net/http_server.ts";
import { bindPrivateSocket } from "../sys/net/private_socket.ts";
import { routes } from "./registry.ts";
import { type Asked, failure, failureOf, json, quoted, type Route } from "./route.ts";
import type { ControlTarget } from "./types.ts";

export interface ControlServerOptions {
  /** Told of what clients ask the loader to do, and of faults. */
  log?: (level: LogLevel, message: string) => void;
  clock?: Clock;
}

/**
 * Answers `target`'s clients on the unix socket `path` until it is disposed: at most 250 ms later every connection is
 * closed and the socket gone. A socket that a killed loader left is replaced. Rejects with a {@link LoaderError}:
 * `already_running` when another loader answers there, `state_unwritable` when the socket cannot be made, or not safely.
 */
export async function serveControl(
  path: string,
  target: ControlTarget,
  { log = () => {}, clock = systemClock }: ControlServerOptions = {},
): Promise<AsyncDisposable> {
  const answer = answers(target, (message) => log("INFO", message));
  return new HttpServer(await bindPrivateSocket(path), {
    clock,
    handler: async (request) => {
      try {
        return await answer(request);
      } catch (error) {
        if (!(error instanceof LoaderError)) throw error;
        return failureOf(error);
      }
    },
    refuse: ({ status, why }) => failure(status, refusalCode[status] ?? "bad_request", why),
    onError: (error) => log("ERROR", `Control request failed: ${reasonOf(error)}`),
  });
}

/** Connections are bounded; requests that last long must leave some of them to the others. */
const maxLasting = 32;

const refusalCode: Record<number, string> = {
  411: "length_required",
  413: "body_too_large",
  431: "head_too_large",
  500: "internal",
  503: "busy",
};

/** Answers requests with what `routes` say; its rejections are LoaderErrors, or faults. */
export function answers(
  target: ControlTarget,
  log: (message: string) => void,
): (request: Request) => Promise<Response> {
  let lasting = 0;
  return async (request) => {
    const url = new URL(request.url);
    const found = routeTo(request.method, url.pathname);
    if (found instanceof Response) return found;
    const { route, name } = found, { signal } = request;
    const query = route.query ? await queryOf(route, url.searchParams) : {};
    if (query instanceof Response) return query;
    if (!route.lasts) return await respond(route, { target, name, query, signal, log, routes });
    if (lasting >= maxLasting) {
      return failure(503, "busy", `${lasting} requests are being waited for already`);
    }
    lasting++;
    try {
      return await respond(route, { target, name, query, signal, log, routes });
    } finally {
      lasting--;
    }
  };
}

async function respond(route: Route, asked: Asked<unknown>): Promise<Response> {
  const answer = await route.handle(asked);
  return answer instanceof Response ? answer : json(route.status ?? 200, answer);
}

function routeTo(method: string, pathname: string): { route: Route; name: string } | Response {
  const here = routes.flatMap((route) => {
    const name = nameIn(route.path, pathname);
    return name === null ? [] : [{ route, name }];
  });
  const found = here.find(({ route }) => route.method === method);
  if (found) return found;
  if (here.length === 0) {
    const what = `there is nothing at ${quoted(pathname)}`;
    return failure(404, "unknown_route", what, "GET /v1/openapi.json says what there is.");
  }
  const allow = here.map(({ route }) => route.method).join(", ");
  const what = `${quoted(pathname)} does not take ${method}`;
  const wrong = failure(405, "method_not_allowed", what, `Use ${allow}.`);
  wrong.headers.set("allow", allow);
  return wrong;
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

/** The parameters as the route wants them, or what is wrong with them. */
async function queryOf(route: Route, given: URLSearchParams): Promise<unknown> {
  const { z } = await import("./zod.ts");
  const read = route.query!(z).safeParse(Object.fromEntries(given));
  if (read.success) return read.data;
  const [problem] = read.error.issues;
  return failure(400, "bad_parameter", `${problem!.path.join(".")}: ${problem!.message}`);
}
