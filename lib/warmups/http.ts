/** One POST, to the service's own control verb or where the configuration says. Spec: §9; CONTRACT §4, §5. */
import { httpRequest } from "../sys/net/http.ts";
import type { WarmupSpec } from "../model/plan.ts";
import { chooseKind, refusal, type RunContext } from "./results.ts";
import type { WarmupResult } from "./types.ts";

type HttpSpec = Extract<WarmupSpec, { kind: "http" }>;

export async function run(spec: HttpSpec, context: RunContext): Promise<WarmupResult> {
  const answer = await httpRequest(spec.url, {
    ...context,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(spec.body),
    maxBytes: 64 * 1024,
    drain: true,
  });
  const path = new URL(spec.url).pathname;
  const hint = spec.verb
    ? `${chooseKind}, or, if the service is your own, answer POST ${path} after one real inference`
    : "see the service's own documentation for what warms it, or set `warmup: { kind: none }`";
  const refused = refusal(answer, `POST ${path}`, hint);
  if (refused !== null) return refused;
  // A server that answers whatever it is asked for with a page has inferred nothing.
  if (spec.verb && !isJson(answer.text)) {
    return {
      state: "not_offered",
      detail: `POST ${path} was answered with ${answer.status} and no JSON`,
      hint,
    };
  }
  return { state: "warmed", ms: answer.ms };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
