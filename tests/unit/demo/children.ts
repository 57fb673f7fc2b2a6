/** Real child processes for tests: what they print, where they listen, and their certain end. */
import assert from "node:assert/strict";
import { httpRequest } from "../../../lib/sys/net/http.ts";

const root = new URL("../../../", import.meta.url).pathname;
const BOUND_MS = 20_000;

export interface TestChild extends AsyncDisposable {
  readonly pid: number;
  /** Lines of stdout and stderr so far. */
  readonly lines: readonly string[];
  /** The first line that matches, as soon as it is there; rejects when the child ends or 20 s pass without it. */
  line(pattern: RegExp): Promise<RegExpMatchArray>;
  /** The port of its first "… 127.0.0.1:N". */
  port(): Promise<number>;
  send(text: string): Promise<void>;
  closeInput(): Promise<void>;
  kill(signal: Deno.Signal): void;
  readonly status: Promise<Deno.CommandStatus>;
}

export interface ChildOptions {
  env?: Record<string, string>;
  /** A process group of its own, all of which is killed at the end. */
  group?: boolean;
}

/** Starts `argv` in the repository's root. */
export function startChild(argv: string[], { env = {}, group = false }: ChildOptions = {}): TestChild {
  const process = new Deno.Command(argv[0]!, {
    args: argv.slice(1),
    cwd: root,
    env: { PYTHONUNBUFFERED: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: group,
  }).spawn();
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      lines.push(...parts);
      for (const look of [...waiting]) look();
    }
    if (rest) lines.push(rest);
  };
  const collected = Promise.all([collect(process.stdout), collect(process.stderr)]).then(() => {
    ended = true;
    for (const look of [...waiting]) look();
  });
  const input = process.stdin.getWriter();
  const line = (pattern: RegExp): Promise<RegExpMatchArray> => {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpMatchArray>();
    const fail = (why: string) =>
      reject(new Error(`${why}: no line like ${pattern} in\n${lines.join("\n").slice(-4000)}`));
    const timer = setTimeout(() => fail("in time"), BOUND_MS);
    let seen = 0;
    const look = () => {
      for (; seen < lines.length; seen++) {
        const match = lines[seen]!.match(pattern);
        if (match) return resolve(match);
      }
      if (ended) fail(`${argv.join(" ")} ended`);
    };
    waiting.add(look);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      waiting.delete(look);
    });
  };
  const kill = (signal: Deno.Signal) => {
    try {
      Deno.kill(group ? -process.pid : process.pid, signal);
    } catch {
      // It is gone, as wanted.
    }
  };
  return {
    pid: process.pid,
    lines,
    line,
    port: async () => Number((await line(/127\.0\.0\.1:(\d+)/))[1]),
    send: (text) => input.write(new TextEncoder().encode(text)),
    closeInput: () => input.close(),
    kill: (signal) => process.kill(signal),
    status: process.status,
    async [Symbol.asyncDispose]() {
      kill("SIGKILL");
      await process.status;
      await input.close().catch(() => {});
      await collected;
    },
  };
}

/** Starts a stand-in through `runner.ts`. */
export function startStandIn(args: string[], options: ChildOptions = {}): TestChild {
  const flags = ["--quiet", "--no-prompt", "--unstable-net", "--allow-net", "--allow-read", "--allow-write"];
  return startChild(
    [
      Deno.execPath(),
      "run",
      ...flags,
      "--allow-env",
      "--allow-sys",
      "--allow-ffi",
      "tests/unit/demo/runner.ts",
      ...args,
    ],
    options,
  );
}

interface Answer {
  status: number;
  // deno-lint-ignore no-explicit-any -- each test looks at other fields
  json: any;
}

/** One request with a JSON body; status and decoded answer. */
export async function ask(
  port: number,
  verb: string,
  body?: unknown,
): Promise<Answer> {
  const [method = "", path] = verb.split(" ");
  const answer = await httpRequest(`http://127.0.0.1:${port}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { "content-type": "application/json" },
    signal: new AbortController().signal,
    timeoutMs: BOUND_MS,
    maxBytes: 1 << 20,
  });
  return { status: answer.status, json: answer.text ? JSON.parse(answer.text) : null };
}

/** Asks `question` again and again until it answers something, for at most 20 s. */
export async function until<T>(
  what: string,
  question: () => Promise<T | null | undefined> | T | null | undefined,
): Promise<T> {
  const end = performance.now() + BOUND_MS;
  while (performance.now() < end) {
    const answer = await question();
    if (answer !== null && answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`waited ${BOUND_MS} ms in vain: ${what}`);
}

/** True if something accepts connections on the port. */
export async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Asks a Wyoming server: sends the events, returns the first answer. */
export async function askWyoming(port: number, events: [string, Record<string, unknown>?, Uint8Array?][]) {
  const { encodeEvent, eventReader } = await import("../../../lib/protocols/wyoming.ts");
  using peer = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = events.flatMap(([type, data, payload]) => [...encodeEvent(type, data, payload)]);
  const writer = peer.writable.getWriter();
  await writer.write(Uint8Array.from(bytes));
  return await eventReader(peer).next();
}

/** 300 ms of silence as a Wyoming transcription. */
export const silence: [string, Record<string, unknown>?, Uint8Array?][] = [
  ["transcribe", { language: "en" }],
  ["audio-start", { rate: 16_000, width: 2, channels: 1 }],
  ["audio-chunk", { rate: 16_000, width: 2, channels: 1 }, new Uint8Array(9600)],
  ["audio-stop", {}],
];

/** A loopback server that remembers the JSON which is posted to it. */
export function startMailbox(): AsyncDisposable & { url: string; next(): Promise<Record<string, unknown>> } {
  const letters: Record<string, unknown>[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    letters.push(await request.json());
    return new Response();
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/finished`,
    next: () => until("a letter", () => letters.shift()),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A notify socket that keeps what it hears. */
export function startNotifySocket(path: string): AsyncDisposable & { heard: string[] } {
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  const heard: string[] = [];
  const listen = async () => {
    for await (const [data] of socket) heard.push(new TextDecoder().decode(data));
  };
  const done = listen();
  return {
    heard,
    async [Symbol.asyncDispose]() {
      socket.close();
      await done;
    },
  };
}
