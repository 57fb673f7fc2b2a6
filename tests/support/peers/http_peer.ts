/** A real HTTP server on a free loopback port. */
export interface HttpPeer extends AsyncDisposable {
  port: number;
  origin: string;
  /** Method, path and body of what was asked, in order. */
  asked: { method: string; path: string; body: string; headers: Headers }[];
}

export function startHttpPeer(
  answer: (
    asked: { method: string; path: string; body: string; headers: Headers },
  ) => Response | Promise<Response>,
): HttpPeer {
  const asked: HttpPeer["asked"] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const url = new URL(request.url);
    const entry = {
      method: request.method,
      path: url.pathname + url.search,
      body: await request.text(),
      headers: request.headers,
    };
    asked.push(entry);
    return await answer(entry);
  });
  return {
    port: server.addr.port,
    origin: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
