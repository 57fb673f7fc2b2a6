/** How the loader asks a service to do something: JSON over HTTP on the service's own port, or a command. CONTRACT §5. */
import type { ControlSpec } from "../model/plan.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { HttpError, httpRequest } from "../sys/net/http.ts";

/** What a verb came to. `detail` is half a sentence for the log. */
export type ControlAnswer =
  | { state: "ok"; status: number; body: Record<string, unknown> }
  /** The service does not know this verb (404, 405, 501), or has no control at all. */
  | { state: "not_offered"; detail: string }
  /** `lost`: there was no answer at all, as when its process ends. */
  | { state: "failed"; detail: string; lost?: true };

export interface AskOptions {
  signal: AbortSignal;
  timeoutMs: number;
}

const largestAnswer = 64 << 10;
const notOffered = new Set([404, 405, 501]);

/** `POST /control/<verb>`. Never rejects, except with the signal's reason. */
export async function postVerb(
  origin: string,
  verb: string,
  body: Record<string, unknown>,
  o: AskOptions,
): Promise<ControlAnswer> {
  try {
    const answer = await httpRequest(new URL(`/control/${verb}`, origin).href, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      maxBytes: largestAnswer,
      drain: true,
      ...o,
    });
    if (notOffered.has(answer.status)) {
      return { state: "not_offered", detail: `/control/${verb} answered ${answer.status}` };
    }
    if (answer.status !== 200 && answer.status !== 202) {
      return { state: "failed", detail: `/control/${verb} answered ${answer.status}${quoted(answer.text)}` };
    }
    return { state: "ok", status: answer.status, body: asObject(answer.text) };
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const failed = { state: "failed", detail: `/control/${verb}: ${error.message}` } as const;
    return error.kind === "timeout" ? failed : { ...failed, lost: true };
  }
}

/** Runs a configured command with its placeholders filled in; it did it when it exits 0. */
export async function runVerb(
  argv: readonly string[],
  placeholders: Record<string, string>,
  { run, ...o }: AskOptions & { run: RunCommand },
): Promise<ControlAnswer> {
  const filled = argv.map((word) =>
    word.replace(
      /\{(\w+)\}/g,
      (whole, name) => Object.hasOwn(placeholders, name) ? placeholders[name] : whole,
    )
  );
  const result = await run(filled, o);
  if (result.missing) return { state: "failed", detail: `${argv[0]}: not found` };
  if (result.timedOut) {
    return { state: "failed", detail: `${argv[0]}: no end within ${Math.round(o.timeoutMs / 1000)} s` };
  }
  if (result.code === 0) return { state: "ok", status: 200, body: {} };
  return {
    state: "failed",
    detail: `${argv[0]}: ${result.signal ?? `exit ${result.code}`}${quoted(result.stderr)}`,
  };
}

/** What `control: none` answers to everything. */
export const noControl = {
  state: "not_offered",
  detail: "no control is configured",
} as const satisfies ControlAnswer;

export type { ControlSpec };

function quoted(text: string): string {
  const line = text.trim().split("\n")[0].slice(0, 200);
  return line ? `: ${JSON.stringify(line)}` : "";
}

/** The answer as an object; empty when it is something else: the status alone counts then. */
function asObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : {};
  } catch {
    return {};
  }
}
