/** Looks whether a run of the program has left anything behind: processes, listening ports, socket files. */
import assert from "node:assert/strict";

export interface Carrier {
  pid: number;
  command: string;
}

/** Living processes (zombies do not count) that carry `mark` in their environment, ourselves excepted. */
export function carriers(mark: string): Carrier[] {
  return processes().filter(({ pid }) => pid !== Deno.pid && read(`/proc/${pid}/environ`).includes(mark));
}

/** The guardian's environment is empty: it is known by its name and the loader's pid, its arguments. */
export function guardiansOf(loaderPid: number): Carrier[] {
  return processes().filter(({ pid }) => {
    const argv = read(`/proc/${pid}/cmdline`).split("\0");
    return argv[3] === "alexa-loader-guardian" && argv[6] === `${loaderPid}`;
  });
}

function processes(): Carrier[] {
  return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).map(({ name }) => ({
    pid: Number(name),
    command: read(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim(),
  })).filter(({ pid, command }) => command !== "" && !isZombie(pid));
}

function isZombie(pid: number): boolean {
  return /\) [ZX] /.test(read(`/proc/${pid}/stat`));
}

function read(path: string): string {
  try {
    return new TextDecoder().decode(Deno.readFileSync(path));
  } catch {
    return ""; // it has ended, or is another user's
  }
}

function* sockets(dir: string): Generator<string> {
  for (const entry of Deno.readDirSync(dir)) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory) yield* sockets(path);
    else if (Deno.lstatSync(path).isSocket) yield path;
  }
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ port, hostname: "127.0.0.1" })).close();
    return true;
  } catch {
    return false;
  }
}

export interface Traces {
  /** What everything that was started carries in its environment. */
  mark: string;
  ports: readonly number[];
  runtimeDir: string;
  loaderPid?: number | undefined;
}

/** Looks once, now: whoever says that it has stopped leaves nothing to wait for. */
export async function assertNothingLeft(o: Traces): Promise<void> {
  assert.deepEqual(carriers(o.mark), [], "processes are left");
  if (o.loaderPid !== undefined) assert.deepEqual(guardiansOf(o.loaderPid), [], "the guardian is left");
  const busy = [];
  for (const port of o.ports) if (await listens(port)) busy.push(port);
  assert.deepEqual(busy, [], "ports are still listened on");
  assert.deepEqual([...sockets(o.runtimeDir)], [], "socket files are left");
}
