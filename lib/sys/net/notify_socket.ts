/** The receiving end of sd_notify: one datagram socket per service, since datagrams carry no sender. CONTRACT §1, §2. */
import { removeIfThere } from "../files/files.ts";

/** Listens at `path` and hands over each datagram (at most 4 KiB of it, valid only within the call) until it is closed. */
export class NotifySocket implements AsyncDisposable {
  readonly path: string;
  #socket: Deno.DatagramConn;
  #done: Promise<void>;

  constructor(path: string, onMessage: (datagram: Uint8Array) => void) {
    removeIfThere(path); // ours alone: the folder is private and locked by this loader
    this.path = path;
    this.#socket = Deno.listenDatagram({ transport: "unixpacket", path });
    this.#done = this.#receive(onMessage);
  }

  async #receive(onMessage: (datagram: Uint8Array) => void): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      for (;;) {
        const [data] = await this.#socket.receive(buffer);
        onMessage(data);
      }
    } catch { /* closed */ }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    removeIfThere(this.path); // at once: another one may be opened in its place
    await this.#done;
  }
}
