/**
 * The requests of OpenAI-style servers that a warm-up makes: a few tokens, a spoken word, a transcript.
 * `url` may end with `/v1` or leave it out. Spec: §9; CONTRACT §4.
 */
import { parseJson, recordOf } from "../shape.ts";
import { randomHex } from "../sys/host.ts";
import { type HttpRequest, httpRequest, type HttpResponse } from "../sys/net/http.ts";

type AskOptions = Pick<HttpRequest, "signal" | "timeoutMs" | "clock" | "link">;

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

/** `POST /v1/audio/transcriptions` of a WAV file; whisper.cpp's server knows the same form at `/inference`. */
export async function openaiTranscription(
  url: string,
  what: { model: string | null; wav: Uint8Array; language?: string | undefined },
  options: AskOptions,
): Promise<HttpResponse> {
  const boundary = `alexa-loader-${randomHex(32)}`;
  const part = (field: string) => `--${boundary}\r\ncontent-disposition: form-data; ${field}\r\n`;
  const field = (name: string, value?: string | null) =>
    value ? `${part(`name="${name}"`)}\r\n${value}\r\n` : "";
  const head = field("model", what.model) + field("language", what.language) +
    `${part('name="file"; filename="warmup.wav"')}content-type: audio/wav\r\n\r\n`;
  const encoder = new TextEncoder();
  const before = encoder.encode(head), after = encoder.encode(`\r\n--${boundary}--\r\n`);
  const body = new Uint8Array(before.length + what.wav.length + after.length);
  body.set(before);
  body.set(what.wav, before.length);
  body.set(after, before.length + what.wav.length);
  const type = `multipart/form-data; boundary=${boundary}`;
  const answer = await send(`${base(url)}/audio/transcriptions`, type, body, options);
  if (answer.status !== 404 || /model/i.test(answer.text)) return answer;
  const other = await send(`${root(url)}/inference`, type, body, options);
  return other.status === 404 ? answer : other;
}

/** `POST /v1/audio/speech`; the audio is read to its end, and dropped unless `keep` bytes of a WAV file are wanted. */
export function openaiSpeech(
  url: string,
  what: { model: string | null; voice: string | null; text: string; keep?: number },
  options: AskOptions,
): Promise<HttpResponse> {
  const body = {
    input: what.text,
    voice: what.voice ?? "alloy",
    ...(what.keep ? { response_format: "wav" } : {}),
    ...(what.model ? { model: what.model } : {}),
  };
  return post(`${base(url)}/audio/speech`, body, options, what.keep);
}

/** The models that the server lists, or null: some servers answer only when one is named. */
export async function openaiModels(url: string, options: AskOptions): Promise<string[] | null> {
  const { data } = await getJson(`${base(url)}/models`, options);
  if (!Array.isArray(data)) return null;
  return data.map((item) => recordOf(item).id).filter((id) => typeof id === "string");
}

/** The models in a Speaches' memory; null if what answers there does not tell. */
export async function speachesLoaded(url: string, options: AskOptions): Promise<string[] | null> {
  const { models } = await getJson(`${root(url)}/api/ps`, options);
  return Array.isArray(models) && models.every((name) => typeof name === "string") ? models : null;
}

/** Whether a llama-server has gone to sleep (`--sleep-idle-seconds`); null if what answers there does not tell. */
export async function llamaServerSleeps(url: string, options: AskOptions): Promise<boolean | null> {
  const { is_sleeping } = await getJson(`${root(url)}/props`, options);
  return typeof is_sleeping === "boolean" ? is_sleeping : null;
}

async function getJson(url: string, options: AskOptions): Promise<Record<string, unknown>> {
  const answer = await httpRequest(url, { ...options, maxBytes: 1 << 20 });
  return answer.status === 200 ? recordOf(parseJson(answer.text)) : {};
}

/** Without `/v1`. */
function root(url: string): string {
  return base(url).slice(0, -"/v1".length);
}

function base(url: string): string {
  const bare = url.replace(/\/+$/, "");
  return bare.endsWith("/v1") ? bare : `${bare}/v1`;
}

function post(url: string, body: unknown, options: AskOptions, keep?: number): Promise<HttpResponse> {
  return send(url, "application/json", JSON.stringify(body), options, keep);
}

function send(
  url: string,
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
  options: AskOptions,
  keep = 64 * 1024,
): Promise<HttpResponse> {
  return httpRequest(url, {
    ...options,
    method: "POST",
    headers: { "content-type": type },
    body,
    maxBytes: keep,
    drain: true,
  });
}
