/** The ways to reach a person. What a receiver answers is of no use but for its status; what identifies one is told to nobody. */
import type { ReceiverPlan } from "../model/plan.ts";
import { readSmallFile } from "../sys/files/files.ts";
import { HttpError, httpRequest } from "../sys/net/http.ts";
import type { RunCommand } from "../sys/process/command.ts";
import type { Message } from "./outbox.ts";

export interface DeliverOptions {
  signal: AbortSignal;
  run: RunCommand;
  /** Of this assistant. */
  instance: string;
}

const httpMs = 10_000, execMs = 30_000;

/** How it is called in the log: no more than the host of an address. */
export function receiverName({ to }: ReceiverPlan): string {
  switch (to.kind) {
    case "exec":
      return `exec ${to.argv[0]}`;
    case "ntfy":
      return `ntfy at ${new URL(to.url).host}`;
    default:
      return `${to.kind} at ${new URL(to.urlSecret).host}`;
  }
}

/** Null when it was told, else why not, in words. Rejects only with the signal's reason. */
export async function deliver(
  { to }: ReceiverPlan,
  message: Message,
  o: DeliverOptions,
): Promise<string | null> {
  const { title, text, kind } = message;
  switch (to.kind) {
    case "exec":
      return await execute(to.argv.map((word) => filled(word, { title, text, kind })), o);
    case "ntfy": // as JSON: a header has no room for a title in any language
      return await post(to.url, to.tokenFile, o, {
        topic: to.topicSecret,
        title,
        message: text,
        priority: kind === "down" ? 4 : 3,
        tags: [kind === "down" ? "warning" : "white_check_mark"],
      });
    case "webhook":
      return await post(to.urlSecret, to.tokenFile, o, { instance: o.instance, kind, title, text });
    case "dead_man":
      return await ask(to.urlSecret, { method: "GET" }, o);
  }
}

async function post(url: string, tokenFile: string | null, o: DeliverOptions, body: unknown) {
  const token = tokenFile === null ? null : readToken(tokenFile);
  if (tokenFile !== null && token === null) return `token_file ${tokenFile} cannot be read, or is empty`;
  return await ask(url, {
    method: "POST",
    body: JSON.stringify(body),
    headers: {
      "content-type": "application/json",
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
  }, o);
}

/** Read each time: it may be replaced. Nothing of it may get into another header. */
function readToken(path: string): string | null {
  try {
    const token = readSmallFile(path, 4096)?.trim() ?? "";
    return /^[\x21-\x7e]+$/.test(token) ? token : null;
  } catch {
    return null;
  }
}

async function ask(
  url: string,
  request: { method: string; body?: string; headers?: Record<string, string> },
  { signal }: DeliverOptions,
): Promise<string | null> {
  try {
    const { status } = await httpRequest(url, { ...request, signal, timeoutMs: httpMs, maxBytes: 0 });
    return status >= 200 && status < 300 ? null : `it answered ${status}`;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HttpError) return error.message.replaceAll(url, "…");
    return "it could not be asked";
  }
}

async function execute(argv: readonly string[], { run, signal }: DeliverOptions): Promise<string | null> {
  const result = await run(argv, { timeoutMs: execMs, signal, maxOutputBytes: 4096 });
  if (result.missing) return "not found";
  if (result.timedOut) return `no end within ${execMs / 1000} s`;
  return result.code === 0 ? null : result.signal ?? `exit ${result.code}`;
}

const filled = (word: string, values: Record<string, string>) =>
  word.replace(/\{(title|text|kind)\}/g, (_, name: string) => values[name]!);
