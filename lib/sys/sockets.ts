/** Who listens where, from the kernel's own tables. Spec: §4. */
import { listNumbers, readBytes, readLink } from "./libc.ts";
import { listPids, readStat } from "./procfs.ts";

export { describePid } from "./procfs.ts";

const decoder = new TextDecoder();
const LISTEN = "0A";

/** Inodes of the listening TCP sockets on `port`, on any address and both families. */
function listeningInodes(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const bytes = readBytes(table);
    if (!bytes) continue;
    for (const line of decoder.decode(bytes).split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === LISTEN && fields[1]?.endsWith(":" + wanted)) inodes.add(fields[9]);
    }
  }
  return inodes;
}

/**
 * The pids that hold a listening TCP socket on `port`. `foreign` says that there is a listener whose owner cannot be
 * seen (another user's, or in a container); `hidden`, that one of `among` may be it: its files cannot be seen.
 */
export function listenerPids(
  port: number,
  among?: Iterable<number>,
): { pids: number[]; foreign: boolean; hidden: boolean } {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return { pids: [], foreign: false, hidden: false };
  const { pids, seen, hidden } = holdersOf(inodes, among ?? listPids());
  return { pids, foreign: seen < inodes.size, hidden: hidden && seen < inodes.size };
}

/** Who among `candidates` has one of these sockets open, and how many of the sockets were seen so. */
function holdersOf(
  inodes: ReadonlySet<string>,
  candidates: Iterable<number>,
): { pids: number[]; seen: number; hidden: boolean } {
  const pids: number[] = [];
  const seen = new Set<string>();
  let hidden = false;
  for (const pid of candidates) {
    const fds = listNumbers(`/proc/${pid}/fd`);
    hidden ||= fds === null && readStat(pid) !== null;
    for (const fd of fds ?? []) {
      const inode = readLink(`/proc/${pid}/fd/${fd}`)?.match(/^socket:\[(\d+)\]$/)?.[1];
      if (inode && inodes.has(inode)) {
        seen.add(inode);
        if (pids.at(-1) !== pid) pids.push(pid);
      }
    }
  }
  return { pids, seen: seen.size, hidden };
}

/** Inodes of the unix sockets of this name; null where the kernel's table cannot be read. */
function unixSocketInodes(name: string): Set<string> | null {
  const bytes = readBytes("/proc/net/unix");
  if (!bytes) return null;
  const lines = decoder.decode(bytes).split("\n").filter((line) => line.endsWith(" " + name));
  return new Set(lines.map((line) => line.trim().split(/\s+/)[6]));
}

/** True if some process listens on the unix socket at `path` (asked of the kernel's table, not by connecting). */
export function unixSocketInUse(path: string): boolean {
  return unixSocketInodes(path)?.size !== 0; // cannot tell: then hands off
}

/** The pids that have the unix socket of this name open, as far as they may be seen; null when there is none. */
export function unixSocketHolders(name: string): number[] | null {
  const inodes = unixSocketInodes(name);
  return inodes === null || inodes.size === 0 ? null : holdersOf(inodes, listPids()).pids;
}
