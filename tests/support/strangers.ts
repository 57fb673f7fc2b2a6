/** Real processes for the tests of hygiene and guardian: each is ended by its test, by pid, or must outlive what is tested. */
import { commandLine, isGone, readStat } from "../../lib/sys/process/procfs.ts";

const program = (file: string) => [
  Deno.execPath(),
  "run",
  "-A",
  "--quiet",
  "--no-config",
  new URL(file, import.meta.url).pathname,
];

export interface Stranger extends AsyncDisposable {
  pid: number;
  startTime: number;
  /** The command line as it was given, and as the kernel shows it (with the program's path). */
  argv: string[];
  commandLine: string;
  readonly alive: boolean;
}

/** Starts a process in a session of its own with exactly this environment, in a folder that every user may enter. */
export function start(
  argv: string[],
  o: { env?: Record<string, string> | undefined; uid?: number } = {},
): Stranger {
  const child = new Deno.Command(argv[0]!, {
    args: argv.slice(1),
    cwd: "/",
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH")!, HOME: Deno.env.get("HOME") ?? "/tmp", ...o.env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
    ...(o.uid === undefined ? {} : { uid: o.uid }),
  }).spawn();
  return {
    pid: child.pid,
    startTime: readStat(child.pid)!.startTime,
    argv,
    commandLine: commandLine(child.pid).join(" "),
    get alive() {
      return !isGone(readStat(child.pid));
    },
    async [Symbol.asyncDispose]() {
      // With its children; while the leader lives, the group's number is its own.
      if (!isGone(readStat(child.pid))) Deno.kill(-child.pid, "SIGKILL");
      await child.status;
    },
  };
}

/** Somebody who does nothing for five minutes. */
export function bystander(env: Record<string, string> = {}): Stranger {
  return start(["sleep", "300"], { env });
}

/** Starts a process that listens on a port that the system chose, or on the given one; resolves when it does. */
export async function portHolder(
  o: { port?: number; hostname?: string; env?: Record<string, string> } = {},
): Promise<Stranger & { port: number }> {
  const dir = Deno.makeTempDirSync();
  try {
    const argv = [...program("port_holder.ts"), `${o.port ?? 0}`, o.hostname ?? "127.0.0.1", `${dir}/port`];
    const process = start(argv, { env: o.env });
    const port = Number(await until(() => read(`${dir}/port`)));
    return Object.assign(process, { port });
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Another program that holds a claim of lib/sys/process/claim.ts; resolves when it does. */
export async function claimHolder(name: string): Promise<Stranger> {
  const dir = Deno.makeTempDirSync();
  try {
    const process = start([...program("claim_holder.ts"), name, `${dir}/claim`]);
    await until(() => read(`${dir}/claim`) === "held");
    return process;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** The text of a file as soon as somebody has written it. */
export function read(path: string): string | null {
  try {
    return Deno.readTextFileSync(path) || null;
  } catch {
    return null;
  }
}

/** Looks every 5 ms; throws after `limitMs`. */
export async function until<T>(look: () => T | null | undefined | false, limitMs = 15_000): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const seen = look();
    if (seen) return seen;
    if (performance.now() > end) throw new Error(`did not happen within ${limitMs} ms: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
