/** What a clean start asks of the machine besides processes: who owns a file, who answers on a socket. Spec: §4. */
import { readBytes } from "./libc.ts";
import { readStat } from "./procfs.ts";

/** Owner, permission bits and time of the last change of what is at `path` (a link is not followed); null when nothing is. */
export function ownership(path: string): { uid: number; mode: number; changedAt: number } | null {
  try {
    const { uid, mode, mtime } = Deno.lstatSync(path);
    return { uid: uid ?? -1, mode: (mode ?? 0) & 0o7777, changedAt: mtime?.getTime() ?? 0 };
  } catch {
    return null;
  }
}

/** True if nobody at all can be reached at this socket; false if somebody answers or if that cannot be known. */
export async function isUnixSocketDead(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

/** Wall-clock ms at which a process was started; null when it is gone. */
export function startedAt(pid: number): number | null {
  const stat = readStat(pid);
  const uptime = readBytes("/proc/uptime");
  if (!stat || !uptime) return null;
  const up = Number(new TextDecoder().decode(uptime).split(" ")[0]);
  return Date.now() - up * 1000 + stat.startTime * 10;
}

/** User ids of the listening TCP sockets on `port`; the kernel tells them of processes too that may not be looked into. */
export function listenerUsers(port: number): number[] {
  const suffix = ":" + port.toString(16).toUpperCase().padStart(4, "0");
  const users = new Set<number>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const bytes = readBytes(table);
    if (!bytes) continue;
    for (const line of new TextDecoder().decode(bytes).split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === "0A" && fields[1]?.endsWith(suffix)) users.add(Number(fields[7]));
    }
  }
  return [...users];
}
