/** A real TCP server on a free loopback port whose behaviour is one function per connection. */

export interface TcpPeer extends AsyncDisposable {
  port: number;
  /** How many connections came so far. */
  readonly connections: number;
}

/** `talk` gets each connection; it may end by an exception when the other side hangs up. Disposal closes them all. */
export function startTcpPeer(talk: (conn: Deno.TcpConn) => Promise<void>): TcpPeer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.TcpConn>();
  const talks = new Set<Promise<void>>();
  let connections = 0;
  const accepting = (async () => {
    try {
      for await (const conn of listener) {
        connections++;
        open.add(conn);
        const done = talk(conn).catch(() => {}).finally(() => {
          if (open.delete(conn)) conn.close();
          talks.delete(done);
        });
        talks.add(done);
      }
    } catch { /* the listener was closed */ }
  })();
  return {
    port: listener.addr.port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      for (const conn of [...open]) {
        open.delete(conn);
        conn.close();
      }
      await Promise.all(talks);
    },
  };
}

/** Reads until the other side hangs up, and throws away what comes. */
export async function absorb(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await conn.read(buffer) !== null);
}

/** Writes all of a text or of bytes. */
export async function send(conn: Deno.TcpConn, what: string | Uint8Array): Promise<void> {
  const bytes = typeof what === "string" ? new TextEncoder().encode(what) : what;
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Reads once (the request), sends `what`, and hangs up. */
export function answering(what: string | Uint8Array): TcpPeer {
  return startTcpPeer(async (conn) => {
    await conn.read(new Uint8Array(4096));
    await send(conn, what);
  });
}

/** Accepts and never says a word. */
export const silentPeer = (): TcpPeer => startTcpPeer(absorb);
/** Accepts and hangs up at once. */
export const closingPeer = (): TcpPeer => startTcpPeer(async () => {});
/** Sends `what` over and over until the other side has enough. */
export function endlessPeer(head: string, what: string): TcpPeer {
  return startTcpPeer(async (conn) => {
    await conn.read(new Uint8Array(4096));
    await send(conn, head);
    for (;;) await send(conn, what);
  });
}

/** A port on which nothing listens. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
