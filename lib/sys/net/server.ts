/**
 * What a stand-in service needs of the operating system: a loopback TCP listener, a line on its standard input, and
 * the datagram by which it reports to the loader. Spec: §1.1.
 */
import { whenAborted } from "../../async.ts";
import { closeQuietly } from "./http_server.ts";
import { NotifySender } from "./notify_sender.ts";

/** A bound listener. `finished` resolves when the abort of its signal has closed everything. */
export interface Listening {
  readonly port: number;
  readonly finished: Promise<void>;
}

/** One accepted TCP connection. Both reject when the other side is gone or the service stops. */
export interface TcpPeer {
  /** Reads what is there, at most `into.length` bytes; null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
}

const HOST = "127.0.0.1";
/** More connections than this at once are turned away, so that a peer cannot exhaust memory. */
const MAX_PEERS = 64;

/**
 * Listens on 127.0.0.1:`port` (0 picks a free one) and calls `onConnection` for each peer until `signal` is aborted,
 * which closes the listener and every connection. A connection is closed when its `onConnection` settles; an error
 * of it ends that connection only. Throws if the port cannot be bound.
 */
export function listenTcp(
  port: number,
  onConnection: (peer: TcpPeer, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Listening {
  const listener = Deno.listen({ hostname: HOST, port });
  const peers = new Set<Deno.TcpConn>();
  const attend = async (peer: Deno.TcpConn) => {
    peers.add(peer);
    try {
      await onConnection(peerOn(peer), signal);
    } catch {
      // A peer that goes away or talks nonsense ends its own connection, never the service.
    } finally {
      peers.delete(peer);
      closeQuietly(peer);
    }
  };
  const accept = async () => {
    const attended = new Set<Promise<void>>();
    for await (const peer of listener) {
      // One may have been accepted at the very moment of the abort.
      if (signal.aborted || peers.size >= MAX_PEERS) {
        closeQuietly(peer);
        continue;
      }
      const task = attend(peer);
      attended.add(task);
      void task.finally(() => attended.delete(task));
    }
    await Promise.all(attended);
  };
  signal.addEventListener("abort", () => {
    closeQuietly(listener);
    for (const peer of peers) closeQuietly(peer);
  }, { once: true });
  if (signal.aborted) closeQuietly(listener);
  return { port: listener.addr.port, finished: accept() };
}

/**
 * Waits until `line` comes on standard input; other lines are skipped. Answers "line", "eof" when the input ended
 * before, or "aborted". Never rejects.
 */
export async function awaitStdinLine(line: string, signal: AbortSignal): Promise<"line" | "eof" | "aborted"> {
  const gone = whenAborted(signal).then(() => null);
  const reader = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    // The race is needed because a read on a terminal or pipe cannot be cancelled.
    const chunk = await Promise.race([
      reader.read().catch(() => ({ done: true as const, value: undefined })),
      gone,
    ]);
    if (chunk === null) return "aborted";
    if (chunk.done) return "eof";
    const lines = (rest + chunk.value).split("\n");
    rest = lines.pop()!.slice(-4096);
    if (lines.some((text) => text.trimEnd() === line)) return "line";
  }
}

/** Sends `text` (`READY=1`, `X_ALEXA_PREPARED=1`, …) to the notify socket at `path`. Answers false when nobody listens there. */
export async function sendNotification(path: string, text: string): Promise<boolean> {
  using sender = new NotifySender(path);
  return await sender.send(text);
}

function peerOn(conn: Deno.TcpConn): TcpPeer {
  return {
    read: (into) => conn.read(into),
    async write(bytes) {
      for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    },
  };
}
