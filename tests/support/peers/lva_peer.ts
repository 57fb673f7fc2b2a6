/**
 * A peripheral API as linux-voice-assistant has it: a snapshot and the last event for who connects, events for all, commands
 * that do nothing where there is nothing to do or no Home Assistant.
 */
export interface LvaPeer extends AsyncDisposable {
  port: number;
  /** What was asked. */
  commands: string[];
  muted: boolean;
  /** Something happens to it, or is done by a person. */
  emit(event: string, data?: Record<string, unknown>): void;
  /** Resolves with the next client. */
  client(): Promise<void>;
}

export function startLvaPeer(o: { connected?: boolean; muted?: boolean; dumb?: boolean } = {}): LvaPeer {
  const { connected = true, dumb = false } = o;
  const clients = new Set<WebSocket>();
  const commands: string[] = [];
  let last: string | null = null, arrived = Promise.withResolvers<void>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => {
      clients.add(socket);
      if (dumb) return;
      const data = {
        muted: peer.muted,
        volume: 1,
        ha_connected: connected,
        last_stt_text: null,
        last_tts_text: null,
      };
      socket.send(JSON.stringify({ event: "snapshot", data }));
      if (last !== null) socket.send(last);
      arrived.resolve();
      arrived = Promise.withResolvers();
    };
    socket.onclose = () => clients.delete(socket);
    socket.onmessage = ({ data }) => {
      const { command } = JSON.parse(data);
      commands.push(command);
      const wanted = command === "mute_mic" ? true : command === "unmute_mic" ? false : peer.muted;
      if (wanted === peer.muted || !connected) return;
      peer.emit("muted", { muted: peer.muted = wanted });
      if (!wanted) peer.emit("idle");
    };
    return response;
  });
  const peer: LvaPeer = {
    port: server.addr.port,
    commands,
    muted: o.muted ?? false,
    emit(event, data) {
      last = JSON.stringify(data ? { event, data } : { event });
      for (const client of clients) client.send(last);
    },
    client: () => arrived.promise,
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
      await server.shutdown();
    },
  };
  return peer;
}
