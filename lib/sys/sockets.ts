/** Who listens where, from the kernel's own tables. Spec: §4. */
import { listNumbers, readBytes, readLink } from "./libc.ts";
import { listPids } from "./procfs.ts";

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
 * seen (another user's, or in a container).
 */
export function listenerPids(port: number, among?: Iterable<number>): { pids: number[]; foreign: boolean } {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return { pids: [], foreign: false };
  const pids: number[] = [];
  const seen = new Set<string>();
  for (const pid of among ?? listPids()) {
    for (const fd of listNumbers(`/proc/${pid}/fd`) ?? []) {
      const inode = readLink(`/proc/${pid}/fd/${fd}`)?.match(/^socket:\[(\d+)\]$/)?.[1];
      if (inode && inodes.has(inode)) {
        seen.add(inode);
        if (pids.at(-1) !== pid) pids.push(pid);
      }
    }
  }
  return { pids, foreign: seen.size < inodes.size };
}

/** True if some process listens on the unix socket at `path` (asked of the kernel's table, not by connecting). */
export function unixSocketInUse(path: string): boolean {
  const bytes = readBytes("/proc/net/unix");
  if (!bytes) return true; // cannot tell: then hands off
  return decoder.decode(bytes).split("\n").some((line) => line.endsWith(" " + path));
}
