/**
 * Whose process is at the other end of a unix socket: SO_PEERCRED. Spec: §12.
 *
 * The runtime does not tell the descriptor of a connection. But those that were accepted have the name of the socket
 * that they were accepted on, and only one is new right after an accept.
 */
import { libc, listNumbers } from "../process/libc.ts";

const SOL_SOCKET = 1, SO_PEERCRED = 17, SO_ACCEPTCONN = 30, SO_COOKIE = 57;

export class PeerUids {
  #name: Uint8Array;
  /** Cookies of the connections that there were at the last call: the kernel gives none twice. */
  #known = new Set<bigint>();
  #address = new Uint8Array(128);
  #value = new Uint32Array(4); // struct ucred: pid, uid, gid; a cookie: two of them
  #length = new Uint32Array(1);

  /** `name`: the path that the listening socket was bound to. */
  constructor(name: string) {
    this.#name = new TextEncoder().encode(`${name}\0`);
  }

  /** To be called right after each accept, with no other between: the uid of its peer; null where that cannot be told. */
  newest(): number | null {
    const now = new Set<bigint>();
    let uid: number | null = null;
    for (const fd of listNumbers("/proc/self/fd") ?? []) {
      if (!this.#isAccepted(fd)) continue;
      const cookie = this.#option(fd, SO_COOKIE, 8) ? new BigUint64Array(this.#value.buffer)[0]! : -1n;
      now.add(cookie);
      if (!this.#known.has(cookie)) uid = this.#option(fd, SO_PEERCRED, 12) ? this.#value[1]! : null;
    }
    this.#known = now;
    return uid;
  }

  #isAccepted(fd: number): boolean {
    this.#length[0] = this.#address.length;
    if (libc()?.getsockname(fd, this.#address, this.#length) !== 0) return false;
    // sockaddr_un: two bytes of family, then the path. What has no name leaves the rest as it was.
    if (this.#length[0]! < this.#name.length + 2) return false;
    if (!this.#name.every((byte, i) => this.#address[i + 2] === byte)) return false;
    return this.#option(fd, SO_ACCEPTCONN, 4) && this.#value[0] === 0;
  }

  #option(fd: number, option: number, length: number): boolean {
    this.#length[0] = length;
    return libc()?.getsockopt(fd, SOL_SOCKET, option, this.#value, this.#length) === 0;
  }
}
