/**
 * HTTP/1.1 on a socket of our own, for peers that are not trusted to be fast, few or sane. Spec: §12; CONTRACT §5.
 *
 * `Deno.serve` knows neither a limit of connections nor of the time that a request may take to arrive: a peer that
 * sends half a request keeps its connection for ever. So connections are counted and timed here, and each carries one
 * request (`Connection: close`). Handlers are plain `Request -> Response`, so they do not depend on this transport.
 */
import { whenAborted } from "../../async.ts";
import { type Clock, systemClock } from "../clock.ts";
import { readRequest, type Refusal } from "./http_request.ts";

export interface HttpServerOptions {
  handler: (request: Request) => Response | Promise<Response>;
  /** The answer to a request that does not reach the handler, or whose handler threw (500). */
  refuse: (refusal: Refusal) => Response;
  /** Asked right after a connection was accepted: why its peer is refused (403), or null. */
  stranger?: () => string | null;
  /** Told that a connection was ended whose request did not arrive in time. */
  onTardy?: (why: string) => void;
  /** Told what a handler threw. */
  onError?: (error: unknown) => void;
  /** Told why no connection can be taken now, as without a free descriptor; it goes on trying unless it is disposed. */
  onDeaf?: (error: unknown) => void;
  /** Connections at once; 64. One more ends the oldest that is still sending its request, else it is refused (503). */
  maxConnections?: number;
  /** Connections that are taken a second, after twice as many at once; all. More wait: who serves has other things to do. */
  perSecond?: number;
  /** Longest body of a request, bytes; 64 KiB. */
  maxBodyBytes?: number;
  /** A request's body may come in chunks; false. */
  chunked?: boolean;
  clock?: Clock;
}

/** A request that has not arrived after this time ends its connection, and so does a peer that takes nothing of its answer. */
const patienceMs = 5000;
/** At disposal, time for answers under way. */
const closingMs = 250;

/** What is needed of a connection. */
export type Connection = Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close">;

interface Peer {
  readonly conn: Connection;
  /** Its request has not arrived yet. */
  reading: boolean;
  readonly gone: AbortController;
}

/** What connections come from; disposal closes it. */
export interface ServerSocket extends Disposable {
  readonly listener: { accept(): Promise<Connection>; close(): void };
}

/** A socket on 127.0.0.1:`port` (0 picks a free one). @throws if the port cannot be bound. */
export const bindLoopback = (port: number): ServerSocket & { port: number } => bindTcp("127.0.0.1", port);

/** A socket on an address of this machine. @throws if it cannot be bound. */
export function bindTcp(hostname: string, port: number): ServerSocket & { port: number } {
  const listener = Deno.listen({ hostname, port });
  return { listener, port: listener.addr.port, [Symbol.dispose]: () => closeQuietly(listener) };
}

/** The same with TLS, of these PEM texts. @throws also if they are none. */
export function bindTls(
  hostname: string,
  port: number,
  pem: { cert: string; key: string },
): ServerSocket & { port: number } {
  const listener = Deno.listenTls({ hostname, port, ...pem });
  return { listener, port: listener.addr.port, [Symbol.dispose]: () => closeQuietly(listener) };
}

/** Serves HTTP on a socket until it is disposed; that closes every connection and the socket, within 250 ms. */
export class HttpServer implements AsyncDisposable {
  readonly #socket: ServerSocket;
  readonly #o: HttpServerOptions;
  readonly #clock: Clock;
  readonly #peers = new Set<Peer>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;
  readonly #closing = new AbortController();
  #closed: Promise<void> | null = null;

  constructor(socket: ServerSocket, options: HttpServerOptions) {
    this.#socket = socket;
    this.#o = options;
    this.#clock = options.clock ?? systemClock;
    this.#accepting = this.#accept();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    closeQuietly(this.#socket.listener);
    for (const peer of this.#peers) if (peer.reading) drop(peer);
    using _limit = this.#clock.after(closingMs, () => this.#peers.forEach(drop));
    await this.#accepting;
    await Promise.all(this.#tasks);
    this.#socket[Symbol.dispose]();
  }

  async #accept(): Promise<void> {
    const closing = this.#closing.signal, { perSecond = 1e6 } = this.#o;
    /** As many may be taken at once; it fills up again with time. */
    let left = 2 * perSecond, at = this.#clock.now();
    while (!closing.aborted) {
      try {
        const now = this.#clock.now();
        [left, at] = [Math.min(2 * perSecond, left + (now - at) * perSecond / 1000), now];
        if (left < 1) {
          await this.#clock.sleep(1000 / perSecond, closing);
          continue;
        }
        left--;
        const conn = await this.#socket.listener.accept();
        const task = this.#attend({ conn, reading: true, gone: new AbortController() });
        this.#tasks.add(task);
        void task.finally(() => this.#tasks.delete(task));
      } catch (error) {
        // Closed; or out of descriptors, which passes: the socket must work again then.
        if (!closing.aborted) this.#o.onDeaf?.(error);
        await this.#clock.sleep(100, closing).catch(() => {});
      }
    }
  }

  /** Never rejects: whatever a peer does ends its own connection only. */
  async #attend(peer: Peer): Promise<void> {
    const stranger = this.#o.stranger?.() ?? null;
    const admitted = this.#admit();
    this.#peers.add(peer);
    try {
      const request = stranger !== null
        ? { status: 403, why: stranger }
        : admitted
        ? await this.#receive(peer)
        : { status: 503, why: "too many connections" };
      peer.reading = false;
      if (request === null) return;
      const response = request instanceof Request
        ? await this.#handle(request, peer)
        : this.#o.refuse(request);
      if (response === null) return;
      await this.#send(peer, response, request instanceof Request && request.method === "HEAD");
      if (!(request instanceof Request)) await this.#drain(peer);
    } catch {
      // The peer went away, or was too slow.
    } finally {
      this.#peers.delete(peer);
      drop(peer);
    }
  }

  /** Makes room for one more by ending the oldest that is still sending; false when all are being served. */
  #admit(): boolean {
    if (this.#peers.size < (this.#o.maxConnections ?? 64)) return true;
    const oldest = this.#peers.values().find((peer) => peer.reading);
    if (!oldest) return false;
    this.#peers.delete(oldest);
    drop(oldest);
    return true;
  }

  async #receive(peer: Peer): Promise<Request | Refusal | null> {
    if (this.#closing.signal.aborted) return null;
    const { maxBodyBytes = 64 * 1024, chunked = false } = this.#o;
    using _limit = this.#clock.after(patienceMs, () => {
      this.#o.onTardy?.(`the request did not arrive within ${patienceMs / 1000} s`);
      drop(peer);
    });
    return await readRequest((into) => peer.conn.read(into), { maxBodyBytes, chunked }, peer.gone.signal);
  }

  /** Takes what a refused peer still sends, so that closing does not cost it the answer. */
  async #drain(peer: Peer): Promise<void> {
    peer.reading = true; // nothing of ours is under way
    if (this.#closing.signal.aborted) return;
    using _limit = this.#clock.after(patienceMs, () => drop(peer));
    await peer.conn.closeWrite();
    const rest = new Uint8Array(16 * 1024);
    while (await peer.conn.read(rest) !== null);
  }

  /** Ends the peer when it has ended: a stream is not for one that only listens on. */
  async #watch(peer: Peer): Promise<void> {
    const more = new Uint8Array(1024);
    try {
      while (await peer.conn.read(more) !== null);
    } catch {
      // Closed by us, or reset.
    }
    drop(peer);
  }

  /** The handler's answer, or null when the connection ended meanwhile; the handler is not waited for then. */
  async #handle(request: Request, peer: Peer): Promise<Response | null> {
    const answer = async () => {
      try {
        return await this.#o.handler(request);
      } catch (error) {
        this.#o.onError?.(error);
        return this.#o.refuse({ status: 500, why: "internal error" });
      }
    };
    return await Promise.race([answer(), whenAborted(peer.gone.signal).then(() => null)]);
  }

  async #send(peer: Peer, response: Response, headOnly: boolean): Promise<void> {
    const write = async (bytes: Uint8Array) => {
      for (let sent = 0; sent < bytes.length;) {
        using _limit = this.#clock.after(patienceMs, () => drop(peer));
        sent += await peer.conn.write(bytes.subarray(sent));
      }
    };
    const lines = [`HTTP/1.1 ${response.status} ${response.statusText}`];
    response.headers.forEach((value, name) => lines.push(`${name}: ${value}`));
    await write(new TextEncoder().encode([...lines, "connection: close", "", ""].join("\r\n")));
    // Nobody knows how long it goes on: that the peer has gone is not to be found out by its next part only.
    if (isEndless(response)) void this.#watch(peer);
    if (headOnly) await response.body?.cancel();
    else await response.body?.pipeTo(new WritableStream({ write }), { signal: peer.gone.signal });
  }
}

const isEndless = ({ headers }: Response): boolean =>
  !headers.has("content-length") && /event-stream|ndjson/.test(headers.get("content-type") ?? "");

/** Closing is what wakes a pending read or write. */
function drop(peer: Peer): void {
  peer.gone.abort();
  closeQuietly(peer.conn);
}

/** Closes a listener or connection that may be closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // Closed before, by us or with its stream.
  }
}
