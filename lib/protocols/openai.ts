/**
 * The requests of OpenAI-style servers that a warm-up makes: a few tokens, a spoken word, a transcript.
 * `url` may end with `/v1` or leave it out. Spec: §9; CONTRACT §4.
 */
import { randomHex } from "../sys/host.ts";
import { type HttpRequest, httpRequest, type HttpResponse } from "../sys/net/http.ts";

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

/** `POST /v1/chat/completions`, for servers that offer nothing else. */
export function openaiChat(
  url: string,
  what: { model: string | null; tokens: number },
  options: AskOptions,
): Promise<HttpResponse> {
  const body = {
    messages: [{ role: "user", content: "Hi" }],
    max_tokens: what.tokens,
    stream: false,
    ...(what.model ? { model: what.model } : {}),
  };
  return post(`${base(url)}/chat/completions`, body, options);
}

/** `POST /v1/audio/transcriptions` of a WAV file. */
export function openaiTranscription(
  url: string,
  what: { model: string | null; wav: Uint8Array },
  options: AskOptions,
): Promise<HttpResponse> {
  const boundary = `alexa-loader-${randomHex(32)}`;
  const part = (field: string) => `--${boundary}\r\ncontent-disposition: form-data; ${field}\r\n`;
  const head = (what.model ? `${part('name="model"')}\r\n${what.model}\r\n` : "") +
    `${part('name="file"; filename="warmup.wav"')}content-type: audio/wav\r\n\r\n`;
  const encoder = new TextEncoder();
  const before = encoder.encode(head), after = encoder.encode(`\r\n--${boundary}--\r\n`);
  const body = new Uint8Array(before.length + what.wav.length + after.length);
  body.set(before);
  body.set(what.wav, before.length);
  body.set(after, before.length + what.wav.length);
  return send(
    `${base(url)}/audio/transcriptions`,
    `multipart/form-data; boundary=${boundary}`,
    body,
    options,
  );
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

/** Whether a llama-server has gone to sleep (`--sleep-idle-seconds`); null if what answers there does not tell. */
export async function llamaServerSleeps(url: string, options: AskOptions): Promise<boolean | null> {
  const props = `${base(url).slice(0, -"/v1".length)}/props`;
  const answer = await httpRequest(props, { ...options, maxBytes: 1 << 20 });
  if (answer.status !== 200) return null;
  try {
    const sleeps = JSON.parse(answer.text).is_sleeping;
    return typeof sleeps === "boolean" ? sleeps : null;
  } catch {
    return null;
  }
}

function base(url: string): string {
  const bare = url.replace(/\/+$/, "");
  return bare.endsWith("/v1") ? bare : `${bare}/v1`;
}

function post(url: string, body: unknown, options: AskOptions): Promise<HttpResponse> {
  return send(url, "application/json", JSON.stringify(body), options);
}

function send(
  url: string,
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
  options: AskOptions,
): Promise<HttpResponse> {
  return httpRequest(url, {
    ...options,
    method: "POST",
    headers: { "content-type": type },
    body,
    maxBytes: 64 * 1024,
    drain: true,
  });
}
