/**
 * Tells when descriptors of ours become readable, which the runtime does only for its own: one `epoll` that one thread
 * waits at, however many they are.
 */
import { closeFds, libc, openEpoll, openPipe } from "./libc.ts";

const EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3;
const EPOLLIN = 1, EPOLLONESHOT = 1 << 30;
/** `struct epoll_event` is packed on x86_64 only. */
const [eventSize, dataAt] = Deno.build.arch === "x86_64" ? [12, 4] : [16, 8];
const mostEvents = 64;

class Epoll {
  #waiting = new Map<number, { id: number; resolve(readable: boolean): void }>();
  /** Distinguishes the waits: what the thread has just seen may be of a descriptor that was closed and is another now. */
  #id = 0;
  #known = new Set<number>();
  #epoll = -1;
  /** A pipe at its end, so always readable: watching it ends the thread's wait. */
  #wake = -1;
  #running = false;

  /** Resolves with true when `fd` has something to read or is at its end; with false when it is forgotten before. */
  readable(fd: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.open();
    this.#waiting.set(fd, { id: this.#id = (this.#id + 1) >>> 0, resolve });
    this.#known.add(fd);
    this.#watch(fd);
    if (!this.#running) void this.#run();
    return promise;
  }

  /** To be called before `fd` is closed. */
  forget(fd: number): void {
    if (this.#known.delete(fd)) this.#control(EPOLL_CTL_DEL, fd);
    this.#waiting.get(fd)?.resolve(false);
    this.#waiting.delete(fd);
    if (this.#running && this.#waiting.size === 0) this.#watch(this.#wake);
    this.#closeUnused();
  }

  async #run(): Promise<void> {
    this.#running = true;
    const events = new DataView(new ArrayBuffer(eventSize * mostEvents));
    while (this.#waiting.size > 0) {
      const count = await libc()!.epoll_wait(this.#epoll, new Uint8Array(events.buffer), mostEvents, -1);
      for (let i = 0; i < count; i++) {
        const fd = events.getInt32(i * eventSize + dataAt, true);
        const waiting = this.#waiting.get(fd);
        if (waiting?.id !== events.getUint32(i * eventSize + dataAt + 4, true)) continue;
        this.#waiting.delete(fd);
        waiting.resolve(true);
      }
    }
    this.#running = false;
    this.#closeUnused();
  }

  /** So that a wait right afterwards finds all that it needs. @throws when there is no descriptor. */
  open(): void {
    if (this.#wake >= 0) return;
    if (this.#epoll < 0) this.#epoll = openEpoll();
    const [end, begin] = openPipe();
    closeFds(begin);
    this.#wake = end;
  }

  /** Tells of it once. */
  #watch(fd: number): void {
    if (!this.#control(EPOLL_CTL_MOD, fd)) this.#control(EPOLL_CTL_ADD, fd);
  }

  #control(action: number, fd: number): boolean {
    const event = new DataView(new ArrayBuffer(eventSize));
    event.setUint32(0, EPOLLIN | EPOLLONESHOT, true);
    event.setInt32(dataAt, fd, true);
    event.setUint32(dataAt + 4, this.#id, true);
    return libc()!.epoll_ctl(this.#epoll, action, fd, new Uint8Array(event.buffer)) === 0;
  }

  #closeUnused(): void {
    if (this.#running || this.#known.size > 0 || this.#wake < 0) return;
    closeFds(this.#epoll, this.#wake);
    this.#epoll = this.#wake = -1;
  }
}

/** The program's own. */
export const epoll: Epoll = new Epoll();
