/** The program under measurement, the services it runs, and what they noted: real processes in a folder of their own. */
import { fileURLToPath } from "node:url";
import { systemClock } from "../../lib/sys/clock.ts";
import { readSmallFile } from "../../lib/sys/files/files.ts";
import { openCached } from "../../lib/sys/files/page_cache.ts";
import { isPortFree } from "../../lib/sys/net/ports.ts";
import { claim } from "../../lib/sys/process/claim.ts";
import { runtimeFlags } from "../../lib/version.ts";
import { root } from "../build/info.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const patienceMs = 30_000;

export class BenchError extends Error {}

const libc = Deno.dlopen("libc.so.6", {
  posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
});
const timespec = new BigInt64Array(2);

/** CLOCK_MONOTONIC in ms, as the services note it. */
export function monotonicMs(): number {
  libc.symbols.clock_gettime(1, timespec);
  return Number(timespec[0]) * 1000 + Number(timespec[1]) / 1e6;
}

/** Asks again and again, since what is awaited happens in other processes. @throws BenchError after half a minute. */
export async function until<T>(
  what: string,
  look: () => T | null | undefined | false,
  lastWords: () => string = () => "",
): Promise<T> {
  for (const end = monotonicMs() + patienceMs; monotonicMs() < end; await systemClock.sleep(2)) {
    const found = look();
    if (found) return found;
  }
  throw new BenchError(`${what} did not happen within ${patienceMs / 1000} s${lastWords()}`);
}

/** One of the benchmark's services. */
export interface ServiceSpec {
  name: string;
  port: number;
  loadMs: number;
  /** So much of the load can be done in standby. */
  prepareMs?: number;
  /** Prints so many lines once it is ready. */
  flood?: number;
  /** In the place of the compiled service, which every other one is. */
  cmd?: string[];
  readiness?: Record<string, unknown>;
}

interface Stamp {
  name: string;
  event: string;
  /** ms; for `longest_write` ms as well. */
  value: number;
  pid: number;
}

/** One folder for all runs: the compiled service, and the home in which the program finds its caches and its history. */
export class Workshop implements Disposable {
  /** Under /tmp, with a short name: the path of a socket in it must fit into 108 bytes. */
  readonly dir: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "bench-" });
  readonly program: string[];
  readonly service: string = `${this.dir}/service`;
  readonly env: Record<string, string>;

  /** @param program the built file; null: the source, without `deno task`. @throws BenchError without a C compiler. */
  constructor(program: string | null) {
    this.program = program === null ? [Deno.execPath(), "run", ...runtimeFlags, `${root}main.ts`] : [program];
    const denoDir = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
    this.env = {
      HOME: this.dir,
      // Folders of its own, or it would meet another benchmark's sockets in the shared one.
      XDG_RUNTIME_DIR: `${this.dir}/run`,
      XDG_STATE_HOME: `${this.dir}/state`,
      XDG_CACHE_HOME: `${this.dir}/cache`,
      TMPDIR: this.dir,
      PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
      ...(program === null ? { DENO_DIR: denoDir } : {}),
    };
    try {
      const args = ["-O2", "-o", this.service, `${here}service.c`];
      const { success, stderr } = new Deno.Command("cc", { args }).outputSync();
      if (!success) throw new BenchError(new TextDecoder().decode(stderr));
    } catch (error) {
      this[Symbol.dispose]();
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new BenchError("the benchmark's services are written in C: apt-get install gcc libc6-dev");
    }
  }

  /** Drops the built file and all that it has unpacked and cached; else why that is not possible. */
  async dropFromPageCache(): Promise<string | null> {
    if (this.program.length > 1) return "measured from source, whose runtime this program runs on, too";
    const files = [...this.program, ...filesBelow(this.dir)];
    files.forEach(adviseAgainst);
    let left = await cachedBytes(files);
    if (left >= 1 << 20) {
      try { // root's word counts for the whole machine, so it is the second choice
        Deno.writeTextFileSync("/proc/sys/vm/drop_caches", "1");
        left = await cachedBytes(files);
      } catch { /* not root, or not its machine */ }
    }
    return left < 1 << 20
      ? null
      : `the kernel keeps ${Math.round(left / 2 ** 20)} MiB of the program in memory`;
  }

  /** Writes the configuration and the stamps' place of one run; the same `name` gives the same path, so caches hold. */
  prepare(name: string, services: readonly ServiceSpec[], loader: Record<string, unknown> = {}) {
    const names = services.map((service) => service.name);
    const stamps = `${this.dir}/stamps`;
    Deno.writeTextFileSync(stamps, "");
    const argv = (s: ServiceSpec) => [
      ...[this.service, stamps, s.name, `${s.port}`, `${s.loadMs}`],
      ...(s.prepareMs === undefined ? [] : ["standby", `${s.prepareMs}`]),
      ...(s.flood === undefined ? [] : ["flood", `${s.flood}`]),
    ];
    const config = {
      loader: {
        name,
        startup_sequence: names,
        shutdown_sequence: names.toReversed(),
        post_boot_greeting: { enabled: false },
        restart_policy: {
          max_restarts: 1000,
          window_sec: 600,
          backoff: { initial_sec: 0, factor: 1, max_sec: 0 },
        },
        ...loader,
      },
      services: Object.fromEntries(services.map((s) => [s.name, {
        cmd: s.cmd ?? argv(s),
        readiness: s.readiness ?? { type: "http", url: `http://127.0.0.1:${s.port}/ready`, expect_code: 200 },
        ...(s.prepareMs === undefined ? {} : { prepare: { standby: true } }),
      }])),
    };
    const path = `${this.dir}/${name}.yaml`;
    const text = JSON.stringify(config, null, 1);
    if (readSmallFile(path) !== text) Deno.writeTextFileSync(path, text);
    return { path, stamps, argv };
  }

  /** Boots these services with the program. */
  boot(name: string, services: readonly ServiceSpec[], loader?: Record<string, unknown>): Run {
    const { path, stamps } = this.prepare(name, services, loader);
    return new Run([...this.program, "up", "--config", path], this.env, stamps, `${this.dir}/output`);
  }

  /** The same services under the bare Deno program beside this one. */
  bootFloor(services: readonly ServiceSpec[]): Run {
    const { stamps, argv } = this.prepare("floor", services);
    const chain = services.map((s) => ({ port: s.port, argv: argv(s) }));
    const floor = [Deno.execPath(), "run", "-A", "--quiet", "--no-config", `${here}floor.ts`];
    return new Run([...floor, "chain", JSON.stringify(chain)], this.env, stamps, `${this.dir}/output`);
  }

  /** A child of this command that prints into the floor's relay. */
  relayFloor(flood: number, into: string): Run {
    const { stamps, argv } = this.prepare("floor", []);
    const flooder = argv({ name: "flood", port: portOf("flood"), loadMs: 0, flood });
    const floor = [Deno.execPath(), "run", "-A", "--quiet", "--no-config", `${here}floor.ts`];
    return new Run(
      [...floor, "relay", into, JSON.stringify(flooder)],
      this.env,
      stamps,
      `${this.dir}/output`,
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

function filesBelow(dir: string): string[] {
  return Array.from(Deno.readDirSync(dir)).flatMap((entry) => {
    const path = `${dir}/${entry.name}`;
    return entry.isDirectory ? filesBelow(path) : entry.isFile ? [path] : [];
  });
}

/** Tells the kernel that nobody needs the file in memory. */
function adviseAgainst(path: string): void {
  const DONTNEED = 4;
  {
    using written = Deno.openSync(path);
    written.syncDataSync(); // what is not on the disk yet cannot be dropped
  }
  const fd = libc.symbols.open(new TextEncoder().encode(`${path}\0`), 0);
  libc.symbols.posix_fadvise(fd, 0n, 0n, DONTNEED);
  libc.symbols.close(fd);
}

/** Bytes of them that are in the page cache: on a RAM disk all, and what somebody has mapped. */
async function cachedBytes(paths: readonly string[]): Promise<number> {
  let sum = 0;
  for (const path of paths) {
    const { size } = Deno.statSync(path);
    using file = await openCached(path, size);
    sum += file?.cachedBytes(0, size) ?? size;
  }
  return sum;
}

/** One run of a supervisor, from its launch to the end of all that it started. */
export class Run implements AsyncDisposable {
  readonly launchedAt: number = monotonicMs();
  readonly pid: number;
  #child: Deno.ChildProcess;
  #stamps: string;
  /** The file that is its standard output. */
  readonly output: string;
  #over = false;

  constructor(argv: string[], env: Record<string, string>, stamps: string, output: string) {
    Deno.writeTextFileSync(output, ""); // what an earlier run said is not this one's
    // A shell only for the redirection: what nobody reads must not go through a pipe of ours.
    this.#child = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec "$0" "$@" >"$OUTPUT" 2>&1', ...argv],
      env: { ...env, OUTPUT: output },
      clearEnv: true,
      stdin: "null",
    }).spawn();
    this.pid = this.#child.pid;
    void this.#child.status.then(() => this.#over = true);
    this.#stamps = stamps;
    this.output = output;
  }

  /** All that services noted so far. */
  stamps(): Stamp[] {
    return (readSmallFile(this.#stamps) ?? "").split("\n").filter(Boolean).map((line) => {
      const [name = "", event = "", value, pid] = line.split(" ");
      return { name, event, value: Number(value) / 1e6, pid: Number(pid) };
    });
  }

  /** The `nth` time (1 first) that the service noted the event. @throws BenchError when it does not come, or the program ended. */
  async stamp(name: string, event: string, nth = 1): Promise<Stamp> {
    return await until(`${name}: ${event}`, () => {
      if (this.#over) throw new BenchError(`the program ended early: ${this.#lastWords()}`);
      return this.stamps().filter((stamp) => stamp.name === name && stamp.event === event)[nth - 1];
    }, () => this.#lastWords());
  }

  /** Resolves when the program says so. */
  async says(words: string): Promise<void> {
    await until(`"${words}"`, () => readSmallFile(this.output)?.includes(words), () => this.#lastWords());
  }

  #lastWords(): string {
    return `; its last words:\n${readSmallFile(this.output)?.slice(-2000)}`;
  }

  /** SIGTERM; ms until the program has gone. */
  async stop(): Promise<number> {
    const began = monotonicMs();
    this.#child.kill("SIGTERM");
    await this.#child.status;
    this.#over = true;
    return monotonicMs() - began;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) await this.stop().catch(() => {});
  }
}

const ports = new Map<string, number>();

/**
 * The service's port, the same over all runs, or no cache of the configuration would hold. Below the range from which the
 * system takes ports for connections, and claimed as the tests claim theirs, so that neither a stranger's connection nor
 * a test or benchmark beside this one comes between two runs.
 */
export function portOf(name: string): number {
  const known = ports.get(name);
  if (known !== undefined) return known;
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (!claim(`test port ${port}`) || !isPortFree(port)) continue;
    ports.set(name, port);
    return port;
  }
}
