/** Who listens where, from the kernel's own tables. Spec: §4. */
import { listNumbers, readBytes, readLink } from "./libc.ts";
import { listPids, readStat } from "./procfs.ts";

export { describePid } from "./procfs.ts";

const decoder = new TextDecoder();
const LISTEN = "0A";

const tables = ["/proc/net/tcp", "/proc/net/tcp6"];
/**
 * Listening sockets come first in a table, which may have thousands of closed connections after them: 27 of them are
 * in the first page, 430 in the second limit. Paid for by the benchmark's row "200 services: all ready".
 */
const headBytes = [4 << 10, 64 << 10];

/** Adds the inodes of the listening TCP sockets on `port`, on any address. */
function addListening(inodes: Set<string>, port: number, table: string, limit?: number): void {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  // Local and remote address, state, queues, timer, retransmits, uid, timeout, inode.
  const line = new RegExp(`:${wanted} \\w+:0000 ${LISTEN} \\S+ \\S+ +\\S+ +\\S+ +\\S+ +(\\d+) `, "g");
  const text = decoder.decode(readBytes(table, limit) ?? new Uint8Array());
  for (const [, inode] of text.matchAll(line)) inodes.add(inode);
}

/**
 * The pids that hold a listening TCP socket on `port`. `foreign` says that there is a listener whose owner cannot be
 * seen (another user's, or in a container).
 */
export function listenerPids(port: number): { pids: number[]; foreign: boolean } {
  const inodes = new Set<string>();
  for (const table of tables) addListening(inodes, port, table);
  if (inodes.size === 0) return { pids: [], foreign: false };
  const { pids, seen } = holdersOf(inodes, listPids());
  return { pids, foreign: seen < inodes.size };
}

/** Who of `tree` listens on `port`; `hidden` says that one of them may, since its files cannot be seen. */
export function listenerOf(tree: ReadonlySet<number>, port: number): { pid: number | null; hidden: boolean } {
  const inodes = new Set<string>();
  let hidden = false;
  for (const limit of [...headBytes, undefined]) {
    for (const table of tables) {
      addListening(inodes, port, table, limit);
      const found = inodes.size > 0 ? holdersOf(inodes, tree) : null;
      if (found?.pids.length) return { pid: found.pids[0], hidden: false };
      hidden ||= found?.hidden === true;
    }
  }
  return { pid: null, hidden };
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
