/** What the four stand-ins have in common: the surroundings they are given, and JSON over HTTP. Spec: §1.1. */
import type { Clock } from "../sys/clock.ts";
import { type Listening, serveHttp } from "../sys/net/server.ts";
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

/** A decoded JSON object, nothing checked yet. */
export type Json = Record<string, unknown>;

/** Answers one verb: `body` is the request's JSON object ({} when it had none). */
export type Verb = (body: Json) => Response | Promise<Response>;

/** Requests are short texts; whoever sends more is not the loader. */
const MAX_BODY_BYTES = 64 * 1024;

/** Serves `verbs` ("POST /control/speak") beside `GET /healthz` and `GET /ready`, which answer 503 while loading. */
export function serveVerbs(around: Surroundings, verbs: Record<string, Verb>): Listening {
  const readiness: Verb = () => answer({ ready: around.loaded() }, around.loaded() ? 200 : 503);
  const all: Record<string, Verb> = { ...verbs, "GET /healthz": readiness, "GET /ready": readiness };
  return serveHttp(around.port, async (request) => {
    const path = new URL(request.url).pathname;
    const verb = Object.hasOwn(all, `${request.method} ${path}`)
      ? all[`${request.method} ${path}`]
      : undefined;
    if (!verb) return answer({ error: `no ${request.method} ${path} here` }, 404);
    const body = await readJson(request);
    if (!body) return answer({ error: "the body is not a JSON object" }, 400);
    try {
      return await verb(body);
    } catch (error) {
      if (around.signal.aborted) return answer({ error: "stopping" }, 503);
      throw error;
    }
  }, around.signal);
}

/** A JSON answer. */
export function answer(body: Json, status = 200): Response {
  return Response.json(body, { status });
}

/** The request's JSON object, {} for an empty body, null for anything else or more than 64 KiB. */
async function readJson(request: Request): Promise<Json | null> {
  if (!request.body) return {};
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of request.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BODY_BYTES) return null;
  }
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Json : null;
  } catch {
    return null;
  }
}
