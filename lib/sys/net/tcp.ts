/**
 * One outgoing TCP connection, bounded by an AbortSignal for its whole life, with errors sorted into the few kinds
 * that a caller can act on. Spec: §6.
 */
import type { Link } from "../../model/plan.ts";
import { deadline, systemClock } from "../clock.ts";
import { isShortage, noneFree, noneFreeText } from "../process/descriptors.ts";

/** What went wrong with a connection. */
export type TcpErrorKind =
  /** Nothing listens there. */
  | "refused"
  /** The name does not resolve, or there is no way to the host. */
  | "unreachable"
  /** The other side ended an open connection by force. */
  | "reset"
  /** TLS: who answers is not who is meant, or does not speak it, or our own part of it is not in order. */
  | "untrusted"
  /** We have no descriptor for it, so it says nothing about the other side. */
  | "unasked"
  /** The caller's signal was aborted; `cause` is its reason. */
  | "aborted";

export class TcpError extends Error {
  override name = "TcpError";
  readonly kind: TcpErrorKind;

  constructor(kind: TcpErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}

/** An open connection. Every method rejects with a {@link TcpError}. */
export interface TcpStream extends Disposable {
  /** Reads what is there, at most `into.length` bytes; null at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that nothing more is written. */
  closeWrite(): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** True for names and addresses that never leave this machine. Takes hosts with and without IPv6 brackets. */
export function isLoopback(host: string): boolean {
  const bare = unbracket(host).toLowerCase();
  return bare === "localhost" || bare.endsWith(".localhost") || bare === "::1" || bare === "0.0.0.0" ||
    /^(::ffff:)?127(\.\d{1,3}){3}$/.test(bare);
}

/** Opens a connection; `signal` bounds the connecting and everything done on the stream afterwards. */
export async function connectTcp(
  host: string,
  port: number,
  signal: AbortSignal,
  link?: Link,
): Promise<TcpStream> {
  if (signal.aborted) throw classified(signal.reason, signal);
  if (noneFree()) throw new TcpError("unasked", noneFreeText);
  if (link) return await connectLink(unbracket(host), port, signal, link);
  let conn: Deno.TcpConn;
  try {
    conn = await Deno.connect({ hostname: unbracket(host), port, signal });
  } catch (error) {
    throw classified(error, signal);
  }
  if (isSelfConnected(conn)) {
    conn.close();
    throw new TcpError("refused", "connection refused");
  }
  return streamOn(conn, signal);
}

/** The same, within the time and with the TLS of a link. Names are looked up anew each time, of both address families. */
async function connectLink(
  hostname: string,
  port: number,
  signal: AbortSignal,
  { tls, connectMs }: Link,
): Promise<TcpStream> {
  using limit = deadline(systemClock, connectMs, signal);
  if (!tls) {
    try {
      return streamOn(await Deno.connect({ hostname, port, signal: limit.signal }), signal);
    } catch (error) {
      if (limit.signal.aborted && !signal.aborted) throw tooSlow(connectMs, error);
      throw classified(error, signal);
    }
  }
  const { connectTls, TlsError, tlsTrouble } = await import("./tls.ts");
  const inWords = (error: unknown): TcpError => {
    if (error instanceof TlsError) {
      return new TcpError(error.slow ? "reset" : "untrusted", error.message, error);
    }
    const trouble = tlsTrouble(error instanceof Error ? error.message : "", tls, hostname);
    return trouble === null ? classified(error, signal) : new TcpError("untrusted", trouble, error);
  };
  try {
    return streamOn(await connectTls(hostname, port, tls, limit.signal), signal, inWords);
  } catch (error) {
    if (signal.aborted) throw classified(error, signal);
    const isLate = limit.signal.aborted && !(error instanceof TlsError);
    throw isLate ? tooSlow(connectMs, error) : inWords(error);
  }
}

const tooSlow = (ms: number, cause: unknown) =>
  new TcpError("unreachable", `no connection within ${ms} ms (connect_timeout_ms)`, cause);

function streamOn(
  conn: Deno.TcpConn | Deno.TlsConn,
  signal: AbortSignal,
  inWords: (error: unknown) => TcpError = (error) => classified(error, signal),
): TcpStream {
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    signal.removeEventListener("abort", close);
    conn.close();
  };
  // Closing is what wakes a pending read or write.
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();

  const guarded = async <T>(operation: () => Promise<T>): Promise<T> => {
    try {
      if (signal.aborted) throw signal.reason;
      return await operation();
    } catch (error) {
      throw signal.aborted ? classified(error, signal) : inWords(error);
    }
  };
  return {
    read: (into) =>
      guarded(async () => {
        try {
          return await conn.read(into);
        } catch (error) {
          // Many servers end TLS without saying so; the protocols above know where an answer ends.
          if (error instanceof Deno.errors.UnexpectedEof) return null;
          throw error;
        }
      }),
    write: (bytes) =>
      guarded(async () => {
        for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
      }),
    closeWrite: () => guarded(() => conn.closeWrite()),
    close,
    [Symbol.dispose]: close,
  };
}

/**
 * Asking again and again for a closed port in the kernel's ephemeral range can, by TCP's simultaneous open, connect
 * a socket to itself. Nothing listens there, so it counts as refused.
 */
function isSelfConnected(conn: Deno.TcpConn): boolean {
  const [local, remote] = [conn.localAddr, conn.remoteAddr];
  return local.port === remote.port && local.hostname === remote.hostname;
}

function classified(error: unknown, signal: AbortSignal): TcpError {
  if (signal.aborted) return new TcpError("aborted", "aborted", signal.reason);
  if (error instanceof Deno.errors.ConnectionRefused) {
    return new TcpError("refused", "connection refused", error);
  }
  if (
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted
  ) {
    return new TcpError("reset", "connection reset", error);
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isShortage(message)) return new TcpError("unasked", noneFreeText, error);
  return new TcpError("unreachable", message, error);
}

function unbracket(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
