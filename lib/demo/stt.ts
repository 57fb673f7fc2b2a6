/** Stand-in for the transcription service: Wyoming on TCP, and no ear. Spec: §9; CONTRACT §4. */
import { encodeEvent, eventReader, type WyomingEvent } from "../protocols/wyoming.ts";
import { type Listening, listenTcp, type TcpPeer } from "../sys/net/server.ts";
import type { Surroundings } from "./stand_in.ts";

const LONGEST_INFERENCE_MS = 2000;

const info = {
  asr: [{
    name: "stand-in",
    description: "Answers every audio with the same words",
    installed: true,
    attribution: { name: "alexa-loader", url: "" },
    version: "1.0.0",
    models: [{
      name: "none",
      description: "no model",
      installed: true,
      attribution: { name: "alexa-loader", url: "" },
      languages: ["en"],
      version: "1.0.0",
    }],
  }],
  tts: [],
  handle: [],
  intent: [],
  wake: [],
};

/** Serves Wyoming: `describe` -> `info`; `transcribe`, audio -> `transcript`. */
export function listen(around: Surroundings): Listening {
  return listenTcp(around.port, (peer) => converse(peer, around), around.signal);
}

async function converse(peer: TcpPeer, around: Surroundings): Promise<void> {
  const events = eventReader(peer);
  let heardMs = 0;
  for (let event = await events.next(); event; event = await events.next()) {
    // A server that is still loading accepts connections and keeps its peers waiting for the first answer.
    while (!around.loaded()) await around.clock.sleep(5, around.signal);
    if (event.type === "describe") await peer.write(encodeEvent("info", info));
    else if (event.type === "ping") await peer.write(encodeEvent("pong", event.data));
    else if (event.type === "audio-start") heardMs = 0;
    else if (event.type === "audio-chunk") heardMs += durationOf(event);
    else if (event.type === "audio-stop") {
      // About ten times faster than real time, like a small model on a processor.
      await around.clock.sleep(Math.min(LONGEST_INFERENCE_MS, 20 + heardMs / 10), around.signal);
      await peer.write(encodeEvent("transcript", { text: "a stand-in hears no words", language: "en" }));
      around.say(`Transcribed ${Math.round(heardMs)} ms of audio (pretended)`);
    }
  }
}

/** Length of a chunk of PCM in ms; 16 kHz, 16 bit, mono where the peer says nothing sensible. */
function durationOf({ data, payload }: WyomingEvent): number {
  const positive = (value: unknown, fallback: number) =>
    typeof value === "number" && value >= 1 ? value : fallback;
  const bytesPerSecond = positive(data.rate, 16_000) * positive(data.width, 2) * positive(data.channels, 1);
  return payload.length / bytesPerSecond * 1000;
}
