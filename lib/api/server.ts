/** The control socket's answering end. Spec: §12. */
import { nearest } from "../did_you_mean.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import type { LogLevel } from "../log/mod.ts";
import { type Clock, systemClock } from "../sys/clock.ts";
import { HttpServer } from "../sys/net/http_server.ts";
import { bindPrivateSocket } from "../sys/net/private_socket.ts";
import type { ControlFailure, ControlTarget, RestartOutcome } from "./types.ts";

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
  const routes = routesTo(target, log);
  return new HttpServer(await bindPrivateSocket(path), {
    clock,
    handler: async (request) => {
      try {
        return await dispatch(routes, request);
      } catch (error) {
        if (!(error instanceof LoaderError)) throw error;
        return failure(409, error.code, error.message, error.hint);
      }
    },
    refuse: ({ status, why }) => failure(status, refusalCode[status] ?? "bad_request", why),
    onError: (error) => log("ERROR", `Control request failed: ${reasonOf(error)}`),
  });
}

interface Route {
  method: "GET" | "POST";
  /** As people read it; `<name>` stands for one segment. */
  path: string;
  answer: (name: string) => Response | Promise<Response>;
}

/** Connections are bounded; requests that wait long must leave some of them to the others. */
const maxWaiting = 32;
/** What a peer sent is quoted, but not at any length. */
const maxQuoted = 100;

const refusalCode: Record<number, string> = {
  411: "length_required",
  413: "body_too_large",
  431: "head_too_large",
  500: "internal",
  503: "busy",
};

function routesTo(target: ControlTarget, log: NonNullable<ControlServerOptions["log"]>): Route[] {
  let waiting = 0;
  const restart = async (name: string): Promise<Response> => {
    const services = target.status().services.map((service) => service.name);
    if (!services.includes(name)) return unknownService(name, services);
    if (waiting >= maxWaiting) {
      return failure(503, "busy", `${waiting} restarts are being waited for already`);
    }
    log("INFO", `Restart of ${name} requested on the control socket`);
    waiting++;
    try {
      const ok = await target.restart(name);
      const after = target.status().services.find((service) => service.name === name);
      const outcome: RestartOutcome = { ok, state: after?.state ?? "idle", problem: after?.problem ?? null };
      return json(200, outcome);
    } finally {
      waiting--;
    }
  };
  return [
    { method: "GET", path: "/v1/status", answer: () => json(200, target.status()) },
    { method: "POST", path: "/v1/services/<name>/restart", answer: restart },
    {
      method: "POST",
      path: "/v1/stop",
      answer: () => {
        target.stop("requested on the control socket");
        return json(202, { stopping: true });
      },
    },
    {
      method: "GET",
      path: "/v1/vram",
      answer: async () =>
        target.vram
          ? json(200, await target.vram())
          : failure(501, "not_offered", "this loader cannot tell who uses the GPU's memory"),
    },
  ];
}

function dispatch(routes: Route[], request: Request): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  const here = routes.flatMap((route) => {
    const name = nameIn(route.path, pathname);
    return name === null ? [] : [{ route, name }];
  });
  const found = here.find(({ route }) => route.method === request.method);
  if (found) return found.route.answer(found.name);
  if (here.length === 0) {
    const all = routes.map(({ method, path }) => `${method} ${path}`).join(", ");
    return failure(404, "unknown_route", `there is nothing at ${quoted(pathname)}`, `There is ${all}.`);
  }
  const allow = here.map(({ route }) => route.method).join(", ");
  const wrong = failure(
    405,
    "method_not_allowed",
    `${quoted(pathname)} does not take ${request.method}`,
    `Use ${allow}.`,
  );
  wrong.headers.set("allow", allow);
  return wrong;
}

/** What stands for `<name>` when `pathname` has the form of `path` ("" if there is no such part); null when it has not. */
function nameIn(path: string, pathname: string): string | null {
  const [wanted, given] = [path.split("/"), pathname.split("/")];
  if (wanted.length !== given.length) return null;
  let name = "";
  for (const [i, part] of wanted.entries()) {
    if (part === "<name>") name = decoded(given[i] ?? "");
    else if (part !== given[i]) return null;
  }
  return name;
}

/** A malformed escape stays as it is: no service has such a name. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function unknownService(name: string, services: string[]): Response {
  const near = nearest(name, services);
  const hint = near === null ? `Services: ${services.join(", ")}.` : `Did you mean ${near}?`;
  return failure(404, "unknown_service", `there is no service ${quoted(name)}`, hint);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text);
}

function failure(status: number, code: string, message: string, hint: string | null = null): Response {
  const error: ControlFailure = { code, message, hint };
  return json(status, { error });
}

function json(status: number, value: unknown): Response {
  const body = new TextEncoder().encode(JSON.stringify(value) + "\n");
  return new Response(body, {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "content-length": String(body.length) },
  });
}
