/**
 * Connections from a listening descriptor that an earlier version of this program left open: the runtime's own listeners
 * cannot be made of one, node's can.
 */
import { createServer, type Socket } from "node:net";
import type { Connection, ServerSocket } from "./http_server.ts";

/** @throws as a closed listener does, from `accept`, once it is closed. */
export function keptListener(fd: number): ServerSocket["listener"] {
  const arrived: Socket[] = [], waiting: PromiseWithResolvers<Connection>[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const next = waiting.shift();
    if (next) next.resolve(connectionOn(socket));
    else arrived.push(socket);
  });
  server.listen({ fd });
  return {
    accept() {
      const next = Promise.withResolvers<Connection>();
      const socket = arrived.shift();
      if (socket) next.resolve(connectionOn(socket));
      else waiting.push(next);
      return next.promise;
    },
    close() {
      server.close();
      for (const socket of arrived) socket.destroy();
      for (const next of waiting.splice(0)) next.reject(new Error("the listener is closed"));
    },
  };
}

function connectionOn(socket: Socket): Connection {
  const chunks = socket.iterator({ destroyOnReturn: false });
  let rest: Uint8Array = new Uint8Array();
  socket.on("error", () => {}); // a read or a write tells it
  return {
    async read(into) {
      if (rest.length === 0) {
        const { value, done } = await chunks.next();
        if (done) return null;
        rest = value;
      }
      const part = rest.subarray(0, into.length);
      into.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    write: (bytes) =>
      new Promise((resolve, reject) =>
        socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))
      ),
    closeWrite: () => new Promise((resolve) => socket.end(() => resolve())),
    close: () => void socket.destroy(),
  };
}
