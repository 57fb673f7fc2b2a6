/**
 * The program as a real process, in a home of its own: state, runtime folder and configuration are a temporary folder's,
 * and everything that it starts carries a mark of this run in its environment. ALEXA_LOADER_BIN names a built program
 * to test instead of the source.
 */
import { TextLineStream } from "./peers/text_lines.ts";
import { claim } from "../../lib/sys/process/claim.ts";
import { assertNothingLeft, carriers } from "./leftovers.ts";
import manifest from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url).pathname;
const built = Deno.env.get("ALEXA_LOADER_BIN");
const patienceMs = 20_000;
/** Everything that could take a test out of its own home or change what the program does. */
const foreign = /^(.*_proxy|XDG_.*|ALEXA_.*|FIXTURE_.*|OTEL_.*|NOTIFY_SOCKET|OLLAMA_HOST|FORCE_COLOR)$/i;
export const markVariable = "TEST_RUN_MARK";

/** One line of the log in its parts; `text` is all of it. */
export interface LogLine {
  text: string;
  tag: string;
  level: string;
  message: string;
  /** When it was read, ms (performance.now). */
  at: number;
}

/** What a service wrote into its stamp file: CLOCK_MONOTONIC in ns, and what else belongs to the event. */
export interface Stamp {
  event: string;
  t: number;
  pid: number;
  service: string;
  [more: string]: unknown;
}

/** A folder that is the whole world of one or more runs of the program. Removed with all that still runs in it. */
export class TestHome implements AsyncDisposable {
  /** Short, since the sockets' paths have a limit of 108 bytes. */
  readonly dir = Deno.makeTempDirSync({ dir: "/tmp", prefix: "al" });
  readonly mark: string = crypto.randomUUID();
  readonly stamps = `${this.dir}/stamps`;
  readonly runtime = `${this.dir}/run`;
  readonly state = `${this.dir}/state`;

  constructor() {
    for (const dir of [this.stamps, this.runtime, this.state, `${this.dir}/home`]) Deno.mkdirSync(dir);
    const npmrc = `${Deno.env.get("HOME")}/.npmrc`;
    if (exists(npmrc)) Deno.symlinkSync(npmrc, `${this.dir}/home/.npmrc`); // names the cache's folders
  }

  /** Writes a file into it and returns its path. */
  write(name: string, text: string): string {
    const path = `${this.dir}/${name}`;
    Deno.writeTextFileSync(path, text);
    return path;
  }

  environment(): Record<string, string> {
    const env = Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([key]) => !foreign.test(key)));
    return {
      ...env,
      DENO_DIR: denoDir(),
      HOME: `${this.dir}/home`,
      XDG_STATE_HOME: this.state,
      XDG_RUNTIME_DIR: this.runtime,
      XDG_CONFIG_HOME: `${this.dir}/config`,
      // A built file unpacks itself once for all tests, not into each home anew; packaged_*_test.ts looks at that.
      ...(built ? { XDG_CACHE_HOME: `${root}dist/test/cache` } : {}),
      NO_COLOR: "1",
      ALEXA_DEMO_PORTS: "any",
      ALEXA_STAMPS: this.stamps,
      FIXTURE_MAX_LIFE_SEC: "90",
      [markVariable]: this.mark,
    };
  }

  /** Everything that a service stamped so far, in order. */
  stampsOf(service: string): Stamp[] {
    try {
      const lines = Deno.readTextFileSync(`${this.stamps}/${service}.jsonl`).split("\n").slice(0, -1);
      return lines.map((line) => JSON.parse(line) as Stamp).sort((a, b) => a.t - b.t);
    } catch {
      return [];
    }
  }

  events(service: string): string[] {
    return this.stampsOf(service).map((stamp) => stamp.event);
  }

  /** Waits for the n-th stamp of an event. */
  async stamp(service: string, event: string, n = 1): Promise<Stamp> {
    return await until(
      `stamp ${n} ${event} of ${service}`,
      () => this.stampsOf(service).filter((stamp) => stamp.event === event)[n - 1],
      () => JSON.stringify(this.events(service)),
    );
  }

  /** The log folder of the only instance so far; "" before there is one. */
  logs(): string {
    try {
      const { name } = [...Deno.readDirSync(`${this.state}/alexa-loader`)][0]!;
      return `${this.state}/alexa-loader/${name}/logs`;
    } catch {
      return "";
    }
  }

  /** The records of the boots so far. */
  boots(): Record<string, unknown>[] {
    const instances = `${this.state}/alexa-loader`;
    return [...Deno.readDirSync(instances)].flatMap(({ name }) => {
      const lines = Deno.readTextFileSync(`${instances}/${name}/boots.jsonl`).trim().split("\n");
      return lines.map((line) => JSON.parse(line));
    });
  }

  async assertNothingLeft(ports: readonly number[], loaderPid?: number): Promise<void> {
    await assertNothingLeft({ mark: this.mark, ports, runtimeDir: this.runtime, loaderPid });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { pid } of carriers(this.mark)) kill(pid, "SIGKILL");
    await until("the end of what was started", () => carriers(this.mark).length === 0);
    Deno.removeSync(this.dir, { recursive: true });
  }
}

export interface LoaderProcessOptions {
  env?: Record<string, string>;
  cwd?: string | undefined;
  wrapper?: readonly string[];
  /** A built file that is to be run, instead of what all tests run. */
  program?: string;
}

/** A run of the program; ended by its pid at the latest with its disposal. */
export class LoaderProcess implements AsyncDisposable {
  readonly pid: number;
  readonly lines: LogLine[] = [];
  /** Standard error, which is no part of the log. */
  readonly errors: string[] = [];
  readonly exitCode: Promise<number>;
  readonly startedAt = performance.now();
  #child: Deno.ChildProcess;
  #ended = false;
  #outputs: Promise<unknown>;

  constructor(home: TestHome, args: readonly string[], o: LoaderProcessOptions = {}) {
    const [program, ...words] = [...o.wrapper ?? [], ...o.program ? [o.program] : command()];
    this.#child = new Deno.Command(program!, {
      args: [...words, ...args],
      cwd: o.cwd ?? root,
      clearEnv: true,
      env: { ...home.environment(), ...o.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#outputs = Promise.all([
      each(this.#child.stdout, (text) => this.lines.push(parse(text))),
      each(this.#child.stderr, (text) => this.errors.push(text)),
    ]);
    this.exitCode = this.#child.status.then(async ({ code, signal }) => {
      this.#ended = true;
      await this.#outputs;
      if (signal) throw new Error(`the loader was ended by ${signal}\n${this.log}`);
      return code;
    });
    this.exitCode.catch(() => {});
  }

  get ended(): boolean {
    return this.#ended;
  }

  get log(): string {
    return [...this.lines.map((line) => line.text), ...this.errors].join("\n");
  }

  messages(tag: string, level?: string): string[] {
    return this.lines.filter((line) => line.tag === tag && (!level || line.level === level))
      .map((line) => line.message);
  }

  /** The first line that fits, now or later. */
  async waitLine(pattern: RegExp, limitMs = patienceMs): Promise<LogLine> {
    return await until(
      `line ${pattern}`,
      () => {
        const line = this.lines.find((line) => pattern.test(line.text));
        if (!line && this.#ended) throw new Error(`it ended before line ${pattern}\n${this.log}`);
        return line;
      },
      () => this.log,
      limitMs,
    );
  }

  /** Nothing happens when it has ended, told of or not. */
  signal(name: Deno.Signal): void {
    try {
      if (!this.#ended) this.#child.kill(name);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Its exit code. @throws after `limitMs`. */
  async exit(limitMs = patienceMs): Promise<number> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no end within ${limitMs} ms\n${this.log}`)), limitMs);
    });
    try {
      return await Promise.race([this.exitCode, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks it to stop as a terminal does, and answers its exit code. */
  async interrupt(): Promise<number> {
    this.signal("SIGINT");
    return await this.exit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGTERM");
    try {
      await this.exit(8000);
    } catch {
      this.signal("SIGKILL");
      await this.exitCode.catch(() => {});
    }
  }
}

/** Runs one command of the program to its end. */
export async function runLoader(
  home: TestHome,
  args: readonly string[],
  o: LoaderProcessOptions = {},
): Promise<{ code: number; out: string; err: string; ms: number }> {
  await using loader = new LoaderProcess(home, args, o);
  const code = await loader.exit();
  const out = loader.lines.map((line) => line.text).join("\n");
  return { code, out, err: loader.errors.join("\n"), ms: performance.now() - loader.startedAt };
}

/** argv of the program, without arguments. */
export function command(): string[] {
  if (built) return [built];
  const words = manifest.tasks.loader.command.split(" ").slice(1, -1);
  fillCache();
  return [Deno.execPath(), ...words, "--config", `${root}deno.json`, `${root}main.ts`];
}

let filled = false;
/** What the program imports must be there before a test takes its network or its proxy away. */
function fillCache(): void {
  if (filled) return;
  filled = true;
  const { success, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", `${root}main.ts`],
    stdout: "null",
    stderr: "piped",
  }).outputSync();
  if (!success) throw new Error(`cannot load the program's modules: ${new TextDecoder().decode(stderr)}`);
}

function denoDir(): string {
  const { DENO_DIR, XDG_CACHE_HOME, HOME } = Deno.env.toObject();
  return DENO_DIR ?? `${XDG_CACHE_HOME ?? `${HOME}/.cache`}/deno`;
}

/**
 * A free port below the range from which the system gives ports to clients, so that nobody takes it meanwhile: no other
 * test of this run or of one beside it gets the same, as long as this process lives.
 */
export function lowPort(random: () => number = Math.random): number {
  for (;;) {
    const port = 10_000 + Math.floor(random() * 22_000);
    if (!claim(`test port ${port}`)) continue;
    try {
      Deno.listen({ port, hostname: "127.0.0.1" }).close();
      return port;
    } catch { /* a stranger has it */ }
  }
}

/** Looks every 5 ms until `look` answers something. */
export async function until<T>(
  what: string,
  look: () => T | null | undefined | false,
  more: () => string = () => "",
  limitMs = patienceMs,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const seen = look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms\n${more()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch { /* it has ended */ }
}

async function each(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  for await (const line of stream.pipeThrough(new TextLineStream())) take(line);
}

function parse(text: string): LogLine {
  const [, tag = "", level = "", message = text] = /^(\S+) +(INFO|WARNING|ERROR|DEBUG) = (.*)$/.exec(text) ??
    [];
  return { text, tag, level, message, at: performance.now() };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
