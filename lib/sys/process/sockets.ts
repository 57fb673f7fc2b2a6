/** Who listens where, from the kernel's own tables. Spec: §4. */
import { type Libc, libc, listNumbers, O_CLOEXEC, readBytes, readLink } from "./libc.ts";
import { listPids, readStat } from "./procfs.ts";

export { describePid } from "./procfs.ts";

const decoder = new TextDecoder();
const AF_INET = 2, AF_INET6 = 10, AF_NETLINK = 16, SOCK_RAW = 3, IPPROTO_TCP = 6, TCP_LISTEN = 10;
const NETLINK_SOCK_DIAG = 4, SOCK_DIAG_BY_FAMILY = 20, NLM_F_REQUEST = 1, NLM_F_DUMP = 0x300, NLMSG_DONE = 3;

/** Inodes of the TCP sockets that listen on `port`, on any address. */
function listeningInodes(port: number): Set<string> {
  return new Set(listenersByNetlink(port) ?? listenersByTable(port));
}

/**
 * Asked as `ss` asks: the kernel looks through its listeners only. Its tables under /proc show every connection, too, and
 * cost milliseconds even where there is none (see "gate lag" of the benchmark). Null where that is not to be had.
 */
function listenersByNetlink(port: number): string[] | null {
  const c = libc();
  const fd = c?.socket(AF_NETLINK, SOCK_RAW | O_CLOEXEC, NETLINK_SOCK_DIAG) ?? -1;
  if (!c || fd < 0) return null;
  try {
    const inodes: string[] = [];
    for (const family of [AF_INET, AF_INET6]) {
      const question = new DataView(new ArrayBuffer(72)); // nlmsghdr, inet_diag_req_v2
      question.setUint32(0, 72, true);
      question.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
      question.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
      question.setUint8(16, family);
      question.setUint8(17, IPPROTO_TCP);
      question.setUint32(20, 1 << TCP_LISTEN, true);
      question.setUint16(24, port); // in network order
      if (Number(c.write(fd, new Uint8Array(question.buffer), 72n)) !== 72) return null;
      if (!readListeners(c, fd, port, inodes)) return null;
    }
    return inodes;
  } finally {
    c.close(fd);
  }
}

/** Adds the inodes of one answer; false when it is not complete. */
function readListeners(c: Libc, fd: number, port: number, inodes: string[]): boolean {
  const answer = new DataView(new ArrayBuffer(32 << 10)); // no message of a dump is longer
  for (;;) {
    const length = Number(c.read(fd, new Uint8Array(answer.buffer), BigInt(answer.byteLength)));
    if (length < 16) return false;
    for (let at = 0; at + 16 <= length;) {
      const size = answer.getUint32(at, true);
      const type = answer.getUint16(at + 4, true);
      if (type === NLMSG_DONE) return true;
      if (type !== SOCK_DIAG_BY_FAMILY || size < 16 + 72) return false;
      // inet_diag_msg: the port at 4, the inode at 68.
      if (answer.getUint16(at + 20) === port) inodes.push(String(answer.getUint32(at + 84, true)));
      at += (size + 3) & ~3;
    }
  }
}

function listenersByTable(port: number): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, "0");
  // Local and remote address, state, queues, timer, retransmits, uid, timeout, inode.
  const line = new RegExp(`:${wanted} \\w+:0000 0A \\S+ \\S+ +\\S+ +\\S+ +\\S+ +(\\d+) `, "g");
  return ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => {
    const text = decoder.decode(readBytes(table) ?? new Uint8Array());
    return [...text.matchAll(line)].map(([, inode = ""]) => inode);
  });
}

/**
 * The pids that hold a listening TCP socket on `port`. `foreign` says that there is a listener whose owner cannot be
 * seen (another user's, or in a container).
 */
export function listenerPids(port: number): { pids: number[]; foreign: boolean } {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return { pids: [], foreign: false };
  const { pids, seen } = holdersOf(inodes, listPids());
  return { pids, foreign: seen < inodes.size };
}

/** Who of `tree` listens on `port`; `hidden` says that one of them may, since its files cannot be seen. */
export function listenerOf(tree: ReadonlySet<number>, port: number): { pid: number | null; hidden: boolean } {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return { pid: null, hidden: false };
  const { pids, hidden } = holdersOf(inodes, tree);
  return { pid: pids[0] ?? null, hidden: hidden && pids.length === 0 };
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

const acceptsConnections = 1 << 16; // __SO_ACCEPTCON

/** Descriptors of ours that listen on a unix socket, with its name ("@" for the NUL that an abstract one begins with). */
export function ownListeners(): { name: string; fd: number }[] {
  const names = new Map<string, string>();
  for (const line of decoder.decode(readBytes("/proc/net/unix") ?? undefined).split("\n")) {
    const [, , , flags = "0", , , inode = "", name] = line.trim().split(/\s+/);
    if (name && (parseInt(flags, 16) & acceptsConnections) !== 0) names.set(`socket:[${inode}]`, name);
  }
  return (listNumbers("/proc/self/fd") ?? []).flatMap((fd) => {
    const name = names.get(readLink(`/proc/self/fd/${fd}`) ?? "");
    return name === undefined ? [] : [{ name, fd }];
  });
}

/** Descriptors of ours that have this file open. */
export function ownDescriptors(path: string): number[] {
  return (listNumbers("/proc/self/fd") ?? []).filter((fd) => readLink(`/proc/self/fd/${fd}`) === path);
}

/** Inodes of the unix sockets of this name; null where the kernel's table cannot be read. */
function unixSocketInodes(name: string): Set<string> | null {
  const bytes = readBytes("/proc/net/unix");
  if (!bytes) return null;
  const lines = decoder.decode(bytes).split("\n").filter((line) => line.endsWith(" " + name));
  return new Set(lines.map((line) => line.trim().split(/\s+/)[6] ?? ""));
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
