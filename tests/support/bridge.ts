/** A TCP port that leads to a unix socket, for judges that speak only TCP. */

/** How long a stream is let run that would go on for ever, ms. */
const streamMs = 50;

/** Streams are ended a moment after they began, as if the server had: the judge waits for whole answers. */
export function streamsEnd(path: string): AsyncDisposable & { port: number; readonly requests: number } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  const tasks = new Set<Promise<void>>();
  let requests = 0;
  const close = (conn: Deno.Conn) => {
    if (open.delete(conn)) conn.close();
  };
  const attend = async (client: Deno.Conn) => {
    requests++;
    open.add(client);
    const server = await Deno.connect({ transport: "unix", path });
    open.add(server);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const copy = async (from: Deno.Conn, to: Deno.Conn, answers: boolean) => {
      const chunk = new Uint8Array(65_536);
      for (let n = await from.read(chunk); n !== null; n = await from.read(chunk)) {
        for (let at = 0; at < n;) at += await to.write(chunk.subarray(at, n));
        if (
          answers && timer === undefined &&
          /event-stream|x-ndjson/.test(new TextDecoder().decode(chunk.subarray(0, n)))
        ) {
          timer = setTimeout(() => close(server), streamMs);
        }
      }
      await to.closeWrite();
    };
    const up = copy(client, server, false).catch(() => {});
    await copy(server, client, true).catch(() => {});
    await client.closeWrite().catch(() => {});
    clearTimeout(timer);
    close(server);
    close(client);
    await up;
  };
  const accept = async () => {
    for await (const conn of listener) {
      const task = attend(conn).catch(() => close(conn));
      tasks.add(task);
      void task.finally(() => tasks.delete(task));
    }
  };
  const accepting = accept();
  return {
    port: listener.addr.port,
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      open.forEach(close);
      await accepting.catch(() => {});
      await Promise.all(tasks);
    },
  };
}
