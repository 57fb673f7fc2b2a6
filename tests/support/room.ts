/** The reference assistant's room as a process of its own. */
import { setRoom } from "../../scripts/voice/room.ts";
import { TextLineStream } from "./peers/text_lines.ts";

export interface TestRoom extends AsyncDisposable {
  host: string;
  port: number;
  set(key: string, value: string | number): Promise<void>;
}

export const roomScript: string = new URL("../../lib/demo/assistant/room.py", import.meta.url).pathname;

export async function startRoom(): Promise<TestRoom> {
  const child = new Deno.Command("python3", {
    args: [roomScript],
    env: { ALEXA_BIND_PORT: "0" },
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextLineStream()).getReader();
  const said = (await reader.read()).value;
  const port = Number(/:(\d+)$/.exec(said ?? "")?.[1]);
  if (!port) throw new Error(`the room did not open: ${said}`);
  return {
    host: "127.0.0.1",
    port,
    set: (key, value) => setRoom(port, key, value),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await reader.cancel();
    },
  };
}
