/**
 * The part of Ollama's HTTP API that tells whether a model can be used, and loads it. Ollama answers long before
 * anything is loaded, and unloads after five minutes unless told otherwise. Spec: §9; CONTRACT §2, §4.
 */
import { isObject, parseJson } from "../shape.ts";
import { type HttpRequest, httpRequest, type HttpResponse } from "../sys/net/http.ts";

/** What every request needs from its caller. */
export type AskOptions = Pick<HttpRequest, "signal" | "timeoutMs" | "clock" | "link">;

/** A model in memory, as `/api/ps` lists it. Sizes in bytes. */
export interface ResidentModel {
  name: string;
  size: number;
  /** The part of `size` that is on the GPU. */
  sizeVram: number;
  /** When it is unloaded, as Ollama writes it. */
  expiresAt?: string;
  /** Tokens it was loaded for; newer servers tell. */
  contextLength?: number;
}

const maxListBytes = 4 << 20;

/** The server's version; null if what answers there is no Ollama. Rejects as `httpRequest` does. */
export async function ollamaVersion(origin: string, options: AskOptions): Promise<string | null> {
  const answer = await httpRequest(at(origin, "/api/version"), { ...options, maxBytes: 4096 });
  const version = answer.status === 200 ? field(parseJson(answer.text), "version") : undefined;
  return typeof version === "string" ? version : null;
}

/** Names of the models on disk; null if the answer makes no sense. Rejects as `httpRequest` does. */
export async function ollamaModels(origin: string, options: AskOptions): Promise<string[] | null> {
  const list = await models(at(origin, "/api/tags"), options);
  return list?.map(nameOf).filter((name) => name !== null) ?? null;
}

/** Models in memory; null if the answer makes no sense. Rejects as `httpRequest` does. */
export async function ollamaResident(origin: string, options: AskOptions): Promise<ResidentModel[] | null> {
  const list = await models(at(origin, "/api/ps"), options);
  if (!list) return null;
  return list.flatMap((item) => {
    const name = nameOf(item);
    if (name === null) return [];
    const expiresAt = field(item, "expires_at"), contextLength = count(item, "context_length");
    return [{
      name,
      size: count(item, "size"),
      sizeVram: count(item, "size_vram"),
      ...(typeof expiresAt === "string" ? { expiresAt } : {}),
      ...(contextLength > 0 ? { contextLength } : {}),
    }];
  });
}

/**
 * Generates up to `tokens` tokens, which also loads the model for good (`keep_alive: -1`). `numCtx` must be what production
 * asks for, or the first real request loads it again. The prompt is not empty, because an empty one only loads.
 */
export function ollamaGenerate(
  origin: string,
  what: { model: string; tokens: number; numCtx: number | null },
  options: AskOptions,
): Promise<HttpResponse> {
  const limits = { num_predict: what.tokens, ...(what.numCtx === null ? {} : { num_ctx: what.numCtx }) };
  return httpRequest(at(origin, "/api/generate"), {
    ...options,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: what.model, prompt: "Hi", stream: false, keep_alive: -1, options: limits }),
    maxBytes: 64 * 1024,
    drain: true,
  });
}

/** True if `listed` is the model that `wanted` means: no tag means `latest`. */
export function sameModel(wanted: string, listed: string): boolean {
  return tagged(wanted) === tagged(listed);
}

/** The `error` text of an Ollama answer, or null. */
export function ollamaError(answer: HttpResponse): string | null {
  const error = field(parseJson(answer.text), "error");
  return typeof error === "string" ? error : null;
}

function tagged(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1).includes(":") ? name : `${name}:latest`;
}

function at(origin: string, path: string): string {
  return origin.replace(/\/+$/, "") + path;
}

async function models(url: string, options: AskOptions): Promise<unknown[] | null> {
  const answer = await httpRequest(url, { ...options, maxBytes: maxListBytes });
  const list = answer.status === 200 ? field(parseJson(answer.text), "models") : undefined;
  // A server without a model says null or [].
  if (list === null) return [];
  return Array.isArray(list) ? list : null;
}

function nameOf(item: unknown): string | null {
  const name = field(item, "name") ?? field(item, "model");
  return typeof name === "string" ? name : null;
}

function count(item: unknown, key: string): number {
  const value = field(item, key);
  return typeof value === "number" && value >= 0 ? value : 0;
}

function field(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}
