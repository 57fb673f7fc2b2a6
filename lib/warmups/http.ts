/** One POST to the service's own control verb. Spec: §9; CONTRACT §4, §5. */
import { httpRequest } from "../sys/http.ts";
import type { WarmupSpec } from "../plan/types.ts";
import { refusal, type RunContext } from "./results.ts";
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
  const hint = `answer POST ${path} with 200 after one real inference, or set \`warmup: { kind: none }\``;
  return refusal(answer, `POST ${path}`, hint) ?? { state: "warmed", ms: answer.ms };
}
