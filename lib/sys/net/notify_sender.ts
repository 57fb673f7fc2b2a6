/** The sending end of sd_notify: what a service says to whoever watches over it. CONTRACT §2. */

let senders = 0;

/** Sends to the socket at `path`; a leading `@` means the abstract namespace. One descriptor, kept until disposal. */
export class NotifySender implements Disposable {
  #path: string;
  #socket: Deno.DatagramConn | null = null;

  constructor(path: string) {
    this.#path = path.replace(/^@/, "\0");
  }

  /** False when nobody listens there: who speaks must not depend on being heard. */
  async send(text: string): Promise<boolean> {
    try {
      // A sender needs an address of its own; an abstract one leaves no file behind.
      const path = `\0alexa-loader-${Deno.pid}-${senders++}`;
      this.#socket ??= Deno.listenDatagram({ transport: "unixpacket", path });
      await this.#socket.send(new TextEncoder().encode(text), { transport: "unixpacket", path: this.#path });
      return true;
    } catch {
      return false;
    }
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
  }
}
