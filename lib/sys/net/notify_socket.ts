/**
 * The receiving end of sd_notify: one datagram socket per service, since datagrams carry no sender. CONTRACT §1, §2.
 *
 * Its descriptor is our own, not the runtime's, so that it can be kept when the program executes another version of itself.
 */
import { removeIfThere } from "../files/files.ts";
import { epoll } from "../process/epoll.ts";
import { cString, libc, O_CLOEXEC, orThrow, readFd } from "../process/libc.ts";

const AF_UNIX = 1, SOCK_DGRAM = 2, SOCK_NONBLOCK = 0o4000;
/** Of `sun_path`, with its end. */
const longestPath = 108;

/** Listens at `path` and hands over each datagram (at most 4 KiB of it, valid only within the call) until it is closed. */
export class NotifySocket implements AsyncDisposable {
  readonly path: string;
  readonly fd: number;
  #done: Promise<void>;

  /** `kept`: the descriptor of one that is bound there already. @throws when there can be none. */
  constructor(path: string, onMessage: (datagram: Uint8Array) => void, kept?: number) {
    this.path = path;
    this.fd = kept ?? bindDatagram(path);
    this.#done = this.#receive(onMessage);
  }

  async #receive(onMessage: (datagram: Uint8Array) => void): Promise<void> {
    const buffer = new Uint8Array(4096);
    while (await epoll.readable(this.fd)) {
      for (let length; (length = readFd(this.fd, buffer)) >= 0;) onMessage(buffer.subarray(0, length));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeIfThere(this.path); // at once: another one may be opened in its place
    epoll.forget(this.fd);
    await this.#done;
    libc()!.close(this.fd);
  }
}

function bindDatagram(path: string): number {
  const name = cString(path);
  if (name.length > longestPath) {
    throw new Error(`${path} is too long for a socket (${longestPath - 1} bytes)`);
  }
  removeIfThere(path); // ours alone: the folder is private and locked by this loader
  const c = libc()!;
  const fd = orThrow(c.socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | O_CLOEXEC, 0));
  const address = new Uint8Array(2 + longestPath);
  address[0] = AF_UNIX;
  address.set(name, 2);
  if (c.bind(fd, address, address.length) === 0) return fd;
  c.close(fd);
  throw new Error(`no socket can be made at ${path}`);
}
