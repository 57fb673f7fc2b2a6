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

/** A listening TCP socket, as the kernel tells of everybody's. */
export interface Listener {
  port: number;
  /** "127.0.0.1", "0.0.0.0", "::", "::1"; other IPv6 addresses as they are in the table. */
  address: string;
  uid: number;
}

/** All of them, or those on `port`. */
export function listeners(port?: number): Listener[] {
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) =>
    new TextDecoder().decode(readBytes(table) ?? new Uint8Array()).split("\n").flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [address = "", digits = ""] = fields[1]?.split(":") ?? [];
      const found = { port: parseInt(digits, 16), address: readable(address), uid: Number(fields[7]) };
      return fields[3] === "0A" && (port === undefined || port === found.port) ? [found] : [];
    })
  );
}

/** Bytes are in the order of the machine within each word of four, which is the reverse on all that we run on. */
function readable(hex: string): string {
  if (hex.length === 8) return hex.match(/../g)!.reverse().map((byte) => parseInt(byte, 16)).join(".");
  return /^0+$/.test(hex) ? "::" : /^0{24}01000000$/.test(hex) ? "::1" : hex;
}

/** User ids of the listening TCP sockets on `port`; the kernel tells them of processes too that may not be looked into. */
export function listenerUsers(port: number): number[] {
  return [...new Set(listeners(port).map(({ uid }) => uid))];
}
