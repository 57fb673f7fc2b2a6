/**
 * Home Assistant's linux-voice-assistant, over its peripheral WebSocket: its microphone is muted and unmuted, and what is
 * said by it is waited for. A mute that a person set before stays. Spec: §10, §14; CONTRACT §5.
 */
import { parseJson, recordOf } from "../shape.ts";
import { deadline } from "../sys/clock.ts";
import { TcpError } from "../sys/net/tcp.ts";
import { connectWebSocket, type TextSocket } from "../sys/net/websocket.ts";
import type { ControlAnswer } from "./answers.ts";
import { controlKind } from "./kind.ts";

/** Our name for whoever else muted it: Home Assistant's switch, a button. */
const byHand = "user";
/** Right after its snapshot it repeats the last event; nothing tells that there is none. */
const repeatMs = 100;

export const lva = controlKind({
  kind: "lva",
  schema: ({ z, text, port }) =>
    z.strictObject({
      kind: z.literal("lva").describe(
        "Home Assistant's linux-voice-assistant, muted and unmuted over its peripheral API",
      ),
      host: text(255).default("127.0.0.1").describe("Host of its peripheral API"),
      port: port().default(6055).describe("Port of its peripheral API (`--peripheral-port`)"),
    }),
  plan: ({ host, port }) => ({ kind: "lva", host, port }),
  describe: ({ host, port }) => `lva ws://${host}:${port}`,
  offers: (_control, verb) => verb !== "speak",
  async mute({ host, port }, verb, reason, ask): Promise<ControlAnswer> {
    const url = `ws://${host.includes(":") ? `[${host}]` : host}:${port}`;
    using limit = deadline(ask.clock, ask.timeoutMs, ask.signal);
    let connected = true;
    try {
      await using socket = await connectWebSocket(url, limit.signal);
      const snapshot = await until(socket, ({ event }) => event === "snapshot");
      connected = snapshot.data.ha_connected !== false;
      const wasMuted = snapshot.data.muted === true;
      const others = ask.others ?? [];
      if (verb === "pause" && wasMuted) return muted([...ask.held ? others : [byHand], reason]);
      if (verb === "resume" && wasMuted && others.length > 0) return muted([...others]);
      if (verb === "resume" && !wasMuted) return muted([]);
      const command = () =>
        socket.send(JSON.stringify({ command: verb === "pause" ? "mute_mic" : "unmute_mic" }));
      using repeat = ask.clock.after(verb === "pause" ? 0 : repeatMs, command);
      await until(socket, ({ event, data }) => {
        if (verb === "resume" && event === "tts_speaking") repeat[Symbol.dispose](); // it would hear itself
        if (event === "tts_finished" || event === "idle") command();
        return event === "muted" && data.muted === (verb === "pause");
      });
      return muted(verb === "pause" ? [reason] : []);
    } catch (error) {
      ask.signal.throwIfAborted();
      const failed = (why: string) => ({ state: "failed", detail: `${url}: ${why}` }) as const;
      if (limit.signal.aborted) {
        return failed(
          `no answer within ${ask.timeoutMs} ms${
            connected
              ? ""
              : "; Home Assistant is not connected to it, and before that it neither listens nor obeys"
          }`,
        );
      }
      if (error instanceof TcpError) return { ...failed(error.message), lost: true };
      throw error;
    }
  },
});

const muted = (reasons: string[]): ControlAnswer => ({
  state: "ok",
  status: 200,
  body: { paused: reasons.length > 0, reasons },
});

interface Message {
  event: unknown;
  data: Record<string, unknown>;
}

/** The next message that is `wanted`. @throws TcpError when the socket is closed before. */
async function until(socket: TextSocket, wanted: (message: Message) => boolean): Promise<Message> {
  for (let text = await socket.next(); text !== null; text = await socket.next()) {
    const { event, data } = recordOf(parseJson(text));
    const message = { event, data: recordOf(data) };
    if (wanted(message)) return message;
  }
  throw new TcpError("reset", "closed the connection");
}
