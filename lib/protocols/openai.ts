/**
 * The two requests of OpenAI-style servers that a warm-up makes: a completion of a few tokens, and a spoken word.
 * `url` may end with `/v1` or leave it out. Spec: §9; CONTRACT §4.
 */
import { type HttpRequest, httpRequest, type HttpResponse } from "../sys/http.ts";

type AskOptions = Pick<HttpRequest, "signal" | "timeoutMs" | "clock">;

/** `POST /v1/completions`; without a model the server's only one answers. */
export function openaiCompletion(
  url: string,
  what: { model: string | null; tokens: number },
  options: AskOptions,
): Promise<HttpResponse> {
  const body = {
    prompt: "Hi",
    max_tokens: what.tokens,
    stream: false,
    ...(what.model ? { model: what.model } : {}),
  };
  return post(`${base(url)}/completions`, body, options);
}

/** `POST /v1/audio/speech`; the audio is read to its end and dropped. */
export function openaiSpeech(
  url: string,
  what: { model: string | null; voice: string | null; text: string },
  options: AskOptions,
): Promise<HttpResponse> {
  const body = {
    input: what.text,
    voice: what.voice ?? "alloy",
    ...(what.model ? { model: what.model } : {}),
  };
  return post(`${base(url)}/audio/speech`, body, options);
}

/** The first model that the server lists, or null: some servers answer only when the model is named. */
export async function openaiFirstModel(url: string, options: AskOptions): Promise<string | null> {
  const answer = await httpRequest(`${base(url)}/models`, { ...options, maxBytes: 1 << 20 });
  if (answer.status !== 200) return null;
  try {
    const id = JSON.parse(answer.text).data[0].id;
    return typeof id === "string" ? id : null;
  } catch {
    return null;
  }
}

function base(url: string): string {
  const bare = url.replace(/\/+$/, "");
  return bare.endsWith("/v1") ? bare : `${bare}/v1`;
}

function post(url: string, body: unknown, options: AskOptions): Promise<HttpResponse> {
  return httpRequest(url, {
    ...options,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    maxBytes: 64 * 1024,
    drain: true,
  });
}
