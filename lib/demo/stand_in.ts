/** What the four stand-ins have in common: the surroundings they are given, and JSON over HTTP. Spec: §1.1. */
import { whenAborted } from "../async.ts";
import { isRecord, type Json, parseJson } from "../shape.ts";
import type { Clock } from "../sys/clock.ts";
import { bindLoopback, HttpServer } from "../sys/net/http_server.ts";
import type { Listening } from "../sys/net/server.ts";
import type { DemoOptions } from "./options.ts";

/** What a stand-in is given to live in. */
export interface Surroundings {
  readonly port: number;
  readonly options: DemoOptions;
  readonly clock: Clock;
  /** Aborted when the service is to stop. */
  readonly signal: AbortSignal;
  /** Whether the pretended loading is over. */
  readonly loaded: () => boolean;
  /** Prints one line; the loader shows it under the service's tag. */
  readonly say: (line: string) => void;
}

/** Binds the stand-in's port and starts to answer. Rejects if the port cannot be bound. */
export type Listen = (surroundings: Surroundings) => Listening | Promise<Listening>;

/** Answers one verb: `body` is the request's JSON object ({} when it had none). */
export type Verb = (body: Json) => Response | Promise<Response>;

/** Serves `verbs` ("POST /control/speak") beside `GET /healthz` and `GET /ready`, which answer 503 while loading. */
export function serveVerbs(around: Surroundings, verbs: Record<string, Verb>): Listening {
  const readiness: Verb = () => answer({ ready: around.loaded() }, around.loaded() ? 200 : 503);
  const all: Record<string, Verb> = { ...verbs, "GET /healthz": readiness, "GET /ready": readiness };
  return serveUntilEnd(around, around.port, async (request) => {
    const path = new URL(request.url).pathname;
    const verb = Object.hasOwn(all, `${request.method} ${path}`)
      ? all[`${request.method} ${path}`]
      : undefined;
    if (!verb) return answer({ error: `no ${request.method} ${path} here` }, 404);
    const text = await request.text();
    const body = text === "" ? {} : parseJson(text);
    if (!isRecord(body)) return answer({ error: "the body is not a JSON object" }, 400);
    try {
      return await verb(body);
    } catch (error) {
      if (around.signal.aborted) return answer({ error: "stopping" }, 503);
      throw error;
    }
  });
}

/** Serves HTTP on 127.0.0.1:`port` until the service is to stop. Throws if the port cannot be bound. */
export function serveUntilEnd(
  around: Surroundings,
  port: number,
  handler: (request: Request) => Promise<Response>,
): Listening {
  const socket = bindLoopback(port);
  const server = new HttpServer(socket, {
    handler,
    refuse: ({ status, why }) => answer({ error: why }, status),
    chunked: true,
  });
  const finished = whenAborted(around.signal).then(() => server[Symbol.asyncDispose]());
  return { port: socket.port, finished };
}

/** A JSON answer. */
export function answer(body: Json, status = 200): Response {
  return Response.json(body, { status });
}
