/** What asking a service for something comes to. CONTRACT §5. */
import type { HttpError } from "../sys/net/http.ts";

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

export type SpeakAnswer =
  /** The sound has ended. `spokenMs` as it told; null if it did not. */
  | { state: "finished"; spokenMs: number | null }
  /** It will tell at the finished URL. */
  | { state: "accepted" }
  | Exclude<ControlAnswer, { state: "ok" }>;

/** Whether nobody answered, of what no answer came to. */
export const isLost = ({ kind }: HttpError): boolean => kind !== "timeout" && kind !== "denied";

/** What a service without a control answers to everything. */
export const noControl = {
  state: "not_offered",
  detail: "no control is configured",
} as const satisfies ControlAnswer;

/** The first line of what was said, behind a colon; nothing for nothing. */
export function quoted(text: string): string {
  const [line] = text.trim().split("\n");
  return line ? `: ${JSON.stringify(line.slice(0, 200))}` : "";
}
