/** One outgoing WebSocket of short texts, with the errors of `tcp.ts`. Spec: §10. */
import { noneFree, noneFreeText } from "../process/descriptors.ts";
import { connectTcp, TcpError } from "./tcp.ts";

export interface TextSocket extends AsyncDisposable {
  /** The next text; null when the other side has closed. Rejects with a {@link TcpError} once the signal is aborted. */
  next(): Promise<string | null>;
  send(text: string): void;
}

/** Texts that nobody has read yet, beyond which the oldest is dropped; a longer one is no message of anybody's. */
const mostKept = 256, longestText = 64 << 10;

/** Opens one; `signal` bounds the connecting and the waiting. @throws TcpError */
export async function connectWebSocket(url: string, signal: AbortSignal): Promise<TextSocket> {
  if (signal.aborted) throw new TcpError("aborted", "aborted", signal.reason);
  if (noneFree()) throw new TcpError("unasked", noneFreeText);
  const socket = new WebSocket(url);
  const kept: string[] = [];
  const closed = Promise.withResolvers<void>();
  let open: boolean | null = null, wake = () => {};
  const tell = () => wake();
  socket.onopen = () => (open = true, tell());
  socket.onerror = () => {}; // its end is told, too
  socket.onclose = () => (open = false, closed.resolve(), tell());
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string" || data.length > longestText) return;
    if (kept.push(data) > mostKept) kept.shift();
    tell();
  };
  const onAbort = () => (socket.close(), tell());
  signal.addEventListener("abort", onAbort, { once: true });
  const changed = () => new Promise<void>((resolve) => wake = resolve);
  const close = async () => {
    signal.removeEventListener("abort", onAbort);
    socket.close();
    await closed.promise;
  };

  while (open === null && !signal.aborted) await changed();
  if (signal.aborted || open === false) {
    await close();
    if (signal.aborted) throw new TcpError("aborted", "aborted", signal.reason);
    // The runtime does not tell why; a plain connect does.
    const { hostname, port } = new URL(url);
    (await connectTcp(hostname, Number(port), signal)).close();
    throw new TcpError("unreachable", "does not speak WebSocket");
  }
  return {
    async next() {
      for (;;) {
        if (signal.aborted) throw new TcpError("aborted", "aborted", signal.reason);
        const text = kept.shift();
        if (text !== undefined) return text;
        if (!open) return null;
        await changed();
      }
    },
    send: (text) => socket.send(text),
    [Symbol.asyncDispose]: close,
  };
}
