/** The control socket's asking end: what `status`, `restart`, `stop` and `vram` say to the running loader. Spec: §12. */
import { LoaderError } from "../errors.ts";
import type { LoaderStatus } from "../model/status.ts";
import { type Clock, deadline, systemClock } from "../sys/clock.ts";
import { UnixHttpError, unixHttpRequest, unixHttpStream } from "../sys/net/unix_http_client.ts";
import { isRecord, parseJson } from "../shape.ts";
import type { Route } from "./route.ts";
import { restart } from "./routes/services.ts";
import { status } from "./routes/status.ts";
import { stop } from "./routes/stop.ts";
import { vram } from "./routes/vram.ts";
import { shapesOf } from "./shapes.ts";
import type { Outcome } from "./types.ts";

export interface Question {
  /** What stands for the `{…}` of the route's path. */
  name?: string;
  query?: Record<string, string | number>;
  /** How long the answer is waited for, ms; 5 s. Null: as long as it takes. */
  withinMs?: number | null;
  signal?: AbortSignal | undefined;
}

/**
 * The running loader. Every method rejects with a {@link LoaderError}: `not_running` when there is none,
 * `control_failed` when it does not answer as it should; or with the reason of an aborted `signal`.
 */
export interface ControlClient {
  /** Any route, and its answer, checked. */
  ask<Answer>(route: Route<unknown, Answer>, question?: Question): Promise<Answer>;
  /** A route whose answer goes on: its lines, until it ends or `signal` is aborted. */
  lines(route: Route, question?: Omit<Question, "withinMs">): AsyncGenerator<string>;
  /** Answers within 5 s. */
  status(signal?: AbortSignal): Promise<LoaderStatus>;
  /** Waits until the fresh copy is up or failed, however long that takes; `unknown_service` if there is none. */
  restart(service: string, signal?: AbortSignal): Promise<Outcome>;
  /** Asks for the shutdown; resolves when it was accepted (within 5 s), not when it is over. */
  stop(signal?: AbortSignal): Promise<void>;
  /** Who holds how much GPU memory; answers within 10 s. */
  vram(signal?: AbortSignal): Promise<unknown>;
}

export interface ControlClientOptions {
  /** The configuration whose loader is wanted, for messages. */
  config?: string;
  clock?: Clock;
}

const answerMs = 5_000;
/** A driver that is asked for the first time takes its time. */
const vramMs = 10_000;
const maxBytes = 4 << 20;

/** What it refuses for a reason of the asker's own. */
const refusals = [
  "unknown_service",
  "config_invalid",
  "config_unreadable",
  "command_missing",
  "port_busy",
  "gpu_missing",
] as const;

/** The loader that listens on the unix socket `path`. Nothing is connected before the first question. */
export function connectControl(path: string, options: ControlClientOptions = {}): ControlClient {
  const clock = options.clock ?? systemClock;
  const whose = options.config ?? path;

  const ask: ControlClient["ask"] = async (
    route,
    { name = "", query = {}, withinMs = answerMs, signal } = {},
  ) => {
    const gone = signal ?? new AbortController().signal;
    gone.throwIfAborted();
    using limit = withinMs === null ? null : deadline(clock, withinMs, gone);
    try {
      const answer = await unixHttpRequest(path, {
        method: route.method,
        target: targetOf(route, name, query),
        signal: limit?.signal ?? gone,
        maxBytes,
      });
      const isText = route.type !== undefined && answer.status < 300;
      return await believed(route, isText ? answer.text : valueOf(answer, whose), whose);
    } catch (error) {
      gone.throwIfAborted();
      if (limit?.signal.aborted) {
        throw failed(whose, `no answer within ${withinMs! / 1000} s`, "It may hang: look at its log.");
      }
      throw error instanceof UnixHttpError ? explained(error, whose, path) : error;
    }
  };

  async function* lines(
    route: Route,
    { name = "", query = {}, signal = new AbortController().signal }: Omit<Question, "withinMs"> = {},
  ): AsyncGenerator<string> {
    let rest = "";
    try {
      const target = targetOf(route, name, query);
      for await (const { status, text } of unixHttpStream(path, { method: route.method, target, signal })) {
        if (status >= 300) throw valueOf({ status, text }, whose);
        const [last = "", ...whole] = `${rest}${text}`.split("\n").reverse();
        if (last.length > maxBytes) throw misunderstood(whose);
        rest = last;
        yield* whole.reverse();
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof UnixHttpError ? explained(error, whose, path) : error;
    }
  }

  return {
    ask,
    lines,
    status: (signal) => ask(status, { signal }),
    restart: (name, signal) => ask(restart, { name, withinMs: null, signal }),
    stop: async (signal) => void await ask(stop, { signal }),
    vram: (signal) => ask(vram, { withinMs: vramMs, signal }),
  };
}

function targetOf({ path }: Route, name: string, query: Record<string, string | number>): string {
  const given = Object.entries(query).map(([key, value]): [string, string] => [key, String(value)]);
  const search = new URLSearchParams(given).toString();
  return path.replace(/\{\w+\}/, () => encodeURIComponent(name)) + (search === "" ? "" : `?${search}`);
}

/** The answer, if it is what the route's schema says. */
async function believed<Answer>(
  route: Route<unknown, Answer>,
  value: unknown,
  whose: string,
): Promise<Answer> {
  const { z } = await import("./zod.ts");
  const read = route.answer(z, shapesOf(z)).safeParse(value);
  if (!read.success) throw misunderstood(whose);
  return read.data;
}

/** The answer's JSON, or the error it tells, thrown. */
function valueOf({ status, text }: { status: number; text: string }, whose: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw misunderstood(whose);
  if (status < 300) return value;
  const error = isRecord(value) ? value.error : null;
  if (!isRecord(error) || typeof error.message !== "string") throw misunderstood(whose);
  const hint = typeof error.hint === "string" ? error.hint : undefined;
  const refusal = refusals.find((code) => code === error.code);
  if (refusal) throw new LoaderError(refusal, error.message, { hint });
  throw failed(whose, error.message, hint);
}

function explained(error: UnixHttpError, whose: string, path: string): LoaderError {
  switch (error.kind) {
    case "nobody":
      return new LoaderError("not_running", `no loader is running for ${whose}`, {
        hint: "Start it: alexa-loader up",
        cause: error,
      });
    case "denied":
      return failed(
        whose,
        `the socket ${path} may not be used (permission denied)`,
        "It runs as another user.",
        error,
      );
    case "broken":
      return failed(whose, error.message, undefined, error);
  }
}

function misunderstood(whose: string): LoaderError {
  return failed(
    whose,
    "it answers in a form that this program does not know",
    "It may be of another version.",
  );
}

function failed(whose: string, why: string, hint?: string, cause?: unknown): LoaderError {
  return new LoaderError("control_failed", `the loader of ${whose} cannot be asked: ${why}`, { hint, cause });
}
