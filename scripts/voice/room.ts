/** Who speaks into the room and listens to it, and how a text becomes sound. */
import { encodeEvent, eventReader } from "../../lib/protocols/wyoming.ts";

export const rate = 16000;

/** Synthesises a text with a Wyoming TTS: 16 kHz mono, 16 bit. */
export async function synthesis(port: number, text: string): Promise<Int16Array<ArrayBuffer>> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(connection, encodeEvent("synthesize", { text }));
  const events = eventReader(connection);
  const samples: number[] = [];
  let from = rate;
  for (let event = await events.next(); event?.type !== "audio-stop"; event = await events.next()) {
    if (event === null) throw new Error("the TTS closed the connection");
    if (event.type !== "audio-chunk") continue;
    from = Number(event.data.rate);
    const { buffer, byteOffset, byteLength } = event.payload.slice();
    samples.push(...new Int16Array(buffer, byteOffset, byteLength >> 1));
  }
  const step = from / rate;
  return Int16Array.from({ length: Math.floor(samples.length / step) }, (_, at) => samples[at * step | 0]!);
}

/** One sound, then nothing for a while, then the other. */
export function joined(
  first: Int16Array<ArrayBuffer>,
  pauseMs: number,
  second: Int16Array<ArrayBuffer>,
): Int16Array<ArrayBuffer> {
  const gap = rate * pauseMs / 1000;
  const sound = new Int16Array(first.length + gap + second.length);
  sound.set(first);
  sound.set(second, first.length + gap);
  return sound;
}

/** Says it in the room; resolves when the last sample was heard. */
export async function sayInRoom(port: number, sound: Int16Array<ArrayBuffer>): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(connection, new TextEncoder().encode("person\n"));
  await writeAll(connection, new Uint8Array(sound.buffer));
  await connection.closeWrite();
  await connection.read(new Uint8Array(1));
}

/** Sets something of the room, as room.py says. */
export async function setRoom(port: number, key: string, value: string | number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(connection, new TextEncoder().encode(`set ${key} ${value}\n`));
  await connection.read(new Uint8Array(8));
}

/** Listens to the loudspeakers alone: how many seconds they sounded since the last `take()`. */
export async function openEar(port: number): Promise<{ take(): number; close(): void }> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(connection, new TextEncoder().encode("ear\n"));
  let loud = 0;
  const listening = (async () => {
    const frame = new Uint8Array(640);
    try {
      for (let n = await connection.read(frame); n !== null; n = await connection.read(frame)) {
        const view = new DataView(frame.buffer, 0, n & ~1);
        for (let at = 0; at < view.byteLength; at += 2) {
          if (Math.abs(view.getInt16(at, true)) > 300) loud++;
        }
      }
    } catch {
      // closed
    }
  })();
  return {
    take() {
      const seconds = loud / rate;
      loud = 0;
      return seconds;
    },
    close() {
      connection.close();
      void listening;
    },
  };
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
