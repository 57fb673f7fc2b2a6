/** One POST, to the service's own control verb or where the configuration says. Spec: §9; CONTRACT §4, §5. */
import type { Role } from "../model/plan.ts";
import { httpRequest } from "../sys/net/http.ts";
import {
  isAskedBy,
  needed,
  nothing,
  spokenText,
  usualAudioMs,
  usualText,
  usualTokens,
  type WarmupContext,
  warmupKind,
} from "./kind.ts";
import { refusal } from "./results.ts";

export const http = warmupKind({
  kind: "http",
  schema: (shapes, common) => {
    const { z, text } = shapes;
    return z.strictObject({
      kind: z.literal("http").describe("A POST of JSON"),
      ...common,
      url: text().optional().describe("Address; the service's own control verb when left out"),
      body: z.record(z.string(), z.unknown()).optional().describe(
        "JSON to send; that of the control verb when left out",
      ),
      text: spokenText(shapes),
    });
  },
  rules({ url }, service, found) {
    if (
      url !== undefined || (service.control.kind === "http" && service.control.url !== undefined) ||
      isAskedBy(service, "http")
    ) return;
    needed("url", "`url`", service, found);
  },
  plan({ url: given, body, text }, { name, role, service, verbs, origin }) {
    const base = verbs ?? origin;
    const url = given ?? (base && `${base}/control/${role === "tts" ? "speak" : "warmup"}`);
    if (!url) {
      // Only the three that infer lose anything by it.
      const loses = role === "stt" || role === "llm" || role === "tts";
      return nothing(`no way to warm ${name} is known: name one with services.${name}.warmup`, loses);
    }
    // `verb`: it is the control verb, whose answer is JSON; else the status alone counts.
    return { kind: "http", url, body: body ?? verbBody(role, service, text), verb: given === undefined };
  },
  describe: ({ url, body }) => `http POST ${url} ${JSON.stringify(body)}`,
  where: ({ url }) => url,
  async run({ url, body, verb }, context) {
    const answer = await httpRequest(url, {
      ...context,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      maxBytes: 64 * 1024,
      drain: true,
    });
    const path = new URL(url).pathname;
    const hint = verb
      ? `${context.choose}, or, if the service is your own, answer POST ${path} after one real inference`
      : "see the service's own documentation for what warms it, or set `warmup: { kind: none }`";
    const refused = refusal(answer, `POST ${path}`, hint);
    if (refused !== null) return refused;
    // A server that answers whatever it is asked for with a page has inferred nothing.
    if (verb && !isJson(answer.text)) {
      return {
        state: "not_offered",
        detail: `POST ${path} was answered with ${answer.status} and no JSON`,
        hint,
      };
    }
    return { state: "warmed", ms: answer.ms };
  },
});

/** What the control verbs of CONTRACT §5 are given. */
function verbBody(role: Role, service: WarmupContext["service"], text?: string): Record<string, unknown> {
  switch (role) {
    case "tts":
      return { text: text ?? usualText, play: false };
    case "stt":
      return { audio_ms: service.warmup_encoder_ms || usualAudioMs };
    case "llm":
      return { tokens: service.warmup_token || usualTokens };
    default:
      return text === undefined ? {} : { text };
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
