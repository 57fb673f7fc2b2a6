/** What runs, as /proc shows it: everything that a run of the program started carries the run's mark. */
import { commandLine, environmentOf, isGone, listPids, readStat } from "../../lib/sys/process/procfs.ts";
import { markVariable } from "../support/loader_process.ts";
import { type Name, names, serviceArgv } from "./assistant.ts";

export interface Seen {
  pid: number;
  startTime: number;
  command: string;
  service: string | null;
  boot: string | null;
  /** It is a service itself, not something that a service has started. */
  leader: boolean;
  /** Of a service's sleeper: the pid of the copy that started it. */
  startedBy: number | null;
}

/** Living processes with this mark that belong to a service (or claim to). */
export function serviceProcesses(mark: string): Seen[] {
  return listPids().flatMap((pid) => {
    if (pid === Deno.pid || environmentOf(pid, markVariable) !== mark) return [];
    const boot = environmentOf(pid, "ALEXA_BOOT_ID");
    if (boot === null) return []; // the loader itself, or a client
    const stat = readStat(pid);
    if (isGone(stat)) return [];
    const argv = commandLine(pid);
    const startedBy = /^90\.(\d+)$/.exec(argv[1] ?? "")?.[1];
    return [{
      pid,
      startTime: stat!.startTime,
      command: argv.join(" "),
      service: environmentOf(pid, "ALEXA_SERVICE"),
      boot,
      leader: stat!.session === pid && argv.join(" ").startsWith(serviceArgv().join(" ")),
      startedBy: startedBy ? Number(startedBy) : null,
    }];
  });
}

export function leadersOf(seen: readonly Seen[]): (Seen & { service: Name })[] {
  return seen.filter((p): p is Seen & { service: Name } => p.leader && names.includes(p.service as Name));
}

/** Guardians of this loader; its environment is empty, so it is known by its name and arguments. */
export function guardiansOf(loaderPid: number): number[] {
  return listPids().filter((pid) => {
    const argv = commandLine(pid);
    return argv[3] === "alexa-loader-guardian" && argv[6] === `${loaderPid}` && !isGone(readStat(pid));
  });
}

/** Children of the loader that ended and were not reaped. */
export function zombiesOf(loaderPid: number): number[] {
  return listPids().map(readStat).filter((stat) => stat?.ppid === loaderPid && stat.state === "Z")
    .map((stat) => stat!.pid);
}

export function isRunning(id: { pid: number; startTime: number }): boolean {
  const stat = readStat(id.pid);
  return !isGone(stat) && stat!.startTime === id.startTime;
}

export async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ port, hostname: "127.0.0.1" })).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until no process of any service lives and no port is listened on; how long that took, ms. (A process that is just
 * ending shows no environment any more and still holds its port for a moment.)
 */
export async function allGone(mark: string, ports: readonly number[], limitMs: number): Promise<number> {
  const began = performance.now();
  for (let looks = 0;; looks++) {
    const left: unknown[] = serviceProcesses(mark);
    for (const port of ports) if (await listens(port)) left.push(`port ${port}`);
    const ms = performance.now() - began;
    if (left.length === 0) return ms;
    // Where others take the machine's time, everybody's is slow, ours too: so many looks are that time as well.
    if (ms > limitMs && looks > limitMs / 15) {
      throw new Error(`left after ${limitMs} ms: ${JSON.stringify(left)}`);
    }
    await pause(5);
  }
}

/** Socket files below a folder. */
export function socketsIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].flatMap((entry) => {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory) return socketsIn(path);
    return Deno.lstatSync(path).isSocket ? [path] : [];
  });
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
