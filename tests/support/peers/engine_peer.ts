/** A Wyoming engine as a test plays it: what it was sent, and what it answers. */
import { encodeEvent, eventReader, type WyomingEvent } from "../../../lib/protocols/wyoming.ts";

export interface EngineClient {
  events: WyomingEvent[];
  /** The first event, as soon as it is there. */
  first: Promise<WyomingEvent>;
  /** Bytes of sound that it sent. */
  sound: number;
  /** Whether there was anything but silence in it. */
  loud: boolean;
  send(type: string, data?: Record<string, unknown>, payload?: Uint8Array): Promise<void>;
}

export interface EnginePeer extends AsyncDisposable {
  port: number;
  clients: EngineClient[];
  /** The n-th client, as soon as it is there. */
  client(n: number): Promise<EngineClient>;
}

export function startEnginePeer(
  answer: (event: WyomingEvent, client: EngineClient) => void | Promise<void> = () => {},
): EnginePeer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.TcpConn>();
  const clients: EngineClient[] = [];
  const arrivals: (() => void)[] = [];
  const serve = async (connection: Deno.TcpConn) => {
    connections.add(connection);
    const first = Promise.withResolvers<WyomingEvent>();
    const client: EngineClient = {
      events: [],
      first: first.promise,
      sound: 0,
      loud: false,
      async send(type, data = {}, payload) {
        const bytes = encodeEvent(type, data, payload);
        for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
      },
    };
    clients.push(client);
    for (const arrived of arrivals.splice(0)) arrived();
    const events = eventReader(connection);
    try {
      for (let event = await events.next(); event !== null; event = await events.next()) {
        client.sound += event.payload.length;
        client.loud ||= event.payload.some((byte, at) => at % 2 === 1 && byte > 4 && byte < 251);
        if (event.type !== "audio-chunk") client.events.push(event);
        first.resolve(event);
        first.resolve(event);
        await answer(event, client);
      }
    } catch {
      // the other side has gone
    }
    connections.delete(connection);
    connection.close();
  };
  const accepting = (async () => {
    for await (const connection of listener) void serve(connection);
  })();
  return {
    port: listener.addr.port,
    clients,
    async client(n) {
      while (clients.length < n) await new Promise<void>((resolve) => arrivals.push(resolve));
      return clients[n - 1]!;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) {
        try {
          connection.close();
        } catch {
          // it has gone by itself
        }
      }
      await accepting.catch(() => {});
    },
  };
}
