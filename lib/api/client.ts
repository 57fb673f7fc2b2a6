/** The control socket's asking end: what `status`, `restart`, `stop` and `vram` say to the running loader. Spec: §12. */
import { LoaderError } from "../errors.ts";
import type { LoaderStatus } from "../model/status.ts";
import { type Clock, deadline, systemClock } from "../sys/clock.ts";
import { UnixHttpError, unixHttpRequest } from "../sys/net/unix_http_client.ts";
import { isRecord, parseJson } from "../shape.ts";
import { isLoaderStatus, isRestartOutcome } from "./shapes.ts";
import type { RestartOutcome } from "./types.ts";

/**
 * The running loader. Every method rejects with a {@link LoaderError}: `not_running` when there is none,
 * `control_failed` when it does not answer as it should; or with the reason of an aborted `signal`.
 */
export interface ControlClient {
  /** Answers within 5 s. */
  status(signal?: AbortSignal): Promise<LoaderStatus>;
  /** Waits until the fresh copy is up or failed, however long that takes; `unknown_service` if there is none. */
  restart(service: string, signal?: AbortSignal): Promise<RestartOutcome>;
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

/** The loader that listens on the unix socket `path`. Nothing is connected before the first question. */
export function connectControl(path: string, options: ControlClientOptions = {}): ControlClient {
  const clock = options.clock ?? systemClock;
  const whose = options.config ?? path;

  const ask = async (
    method: "GET" | "POST",
    target: string,
    withinMs: number | null,
    signal = new AbortController().signal,
  ): Promise<unknown> => {
    signal.throwIfAborted();
    using limit = withinMs === null ? null : deadline(clock, withinMs, signal);
    try {
      const answer = await unixHttpRequest(path, {
        method,
        target,
        signal: limit?.signal ?? signal,
        maxBytes,
      });
      return valueOf(answer, whose);
    } catch (error) {
      signal.throwIfAborted();
      if (limit?.signal.aborted) {
        throw failed(whose, `no answer within ${withinMs! / 1000} s`, "It may hang: look at its log.");
      }
      throw error instanceof UnixHttpError ? explained(error, whose, path) : error;
    }
  };

  return {
    async status(signal) {
      const status = await ask("GET", "/v1/status", answerMs, signal);
      if (!isLoaderStatus(status)) throw misunderstood(whose);
      return status;
    },
    async restart(service, signal) {
      const outcome = await ask("POST", `/v1/services/${encodeURIComponent(service)}/restart`, null, signal);
      if (!isRestartOutcome(outcome)) throw misunderstood(whose);
      return outcome;
    },
    async stop(signal) {
      await ask("POST", "/v1/stop", answerMs, signal);
    },
    vram: (signal) => ask("GET", "/v1/vram", vramMs, signal),
  };
}

/** The answer's JSON, or the error it tells, thrown. */
function valueOf({ status, text }: { status: number; text: string }, whose: string): unknown {
  const value = parseJson(text);
  if (value === undefined) throw misunderstood(whose);
  if (status < 300) return value;
  const error = isRecord(value) ? value.error : null;
  if (!isRecord(error) || typeof error.message !== "string") throw misunderstood(whose);
  const hint = typeof error.hint === "string" ? error.hint : undefined;
  if (error.code === "unknown_service") throw new LoaderError("unknown_service", error.message, { hint });
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
