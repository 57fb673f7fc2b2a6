/** Loudspeaker and microphone: programs, or a room.py that carries the sound over TCP. docs/voice.md. */
import { outputOf, play } from "../controls/output.ts";
import type { BootPlan } from "../model/plan.ts";
import type { Sound } from "../protocols/sound.ts";
import { isAbort } from "../sys/clock.ts";
import { connectTcp, TcpError } from "../sys/net/tcp.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { type Ask, NoAnswer, serviceFor } from "./engines.ts";
import { soundOf, speechOf } from "./speech.ts";

export interface Devices {
  /** Resolves when it has been played. @throws NoAnswer */
  play(sound: Sound, ask: Ask): Promise<void>;
  /** Tells of each piece of sound that it hears, until the signal ends it. @throws NoAnswer when it ends by itself. */
  record(onSound: (pcm: Uint8Array) => void, signal: AbortSignal): Promise<void>;
}

const usualRecorders = [
  ["pw-record", "--rate", "16000", "--channels", "1", "--format", "s16", "-"],
  ["arecord", "-q", "-t", "raw", "-f", "S16_LE", "-r", "16000", "-c", "1"],
  ["parecord", "--raw", "--rate=16000", "--channels=1", "--format=s16le"],
];
const longestMs = 120_000;

export function devicesOf(plan: BootPlan, run: RunCommand): Devices {
  const { room, player, recorder } = plan.selftest;
  if (room) return inRoom(room);
  const tts = serviceFor(plan, "tts");
  const output = player ? { players: [player] } : outputOf(tts?.control ?? { kind: "none" });
  return {
    async play(sound, ask) {
      const played = await play(sound, output, { ...ask, run, scratch: `${plan.dirs.runtime}/selftest` });
      if (played.state === "failed" || played.state === "not_offered") throw new NoAnswer(played.detail);
    },
    record: (onSound, signal) => byProgram(recorder ? [recorder] : usualRecorders, run, onSound, signal),
  };
}

async function byProgram(
  recorders: readonly string[][],
  run: RunCommand,
  onOutput: (pcm: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  const limits = { signal, timeoutMs: longestMs, maxOutputBytes: 2000, onOutput };
  for (const recorder of recorders) {
    const { missing, code, stderr } = await run(recorder, limits);
    if (missing) continue;
    const words = stderr.replace(/\p{Cc}+/gu, " ").trim().slice(0, 200);
    throw new NoAnswer(`${recorder[0]} has ended (exit ${code}${words ? `: ${words}` : ""})`);
  }
  const names = recorders.map(([program]) => program).join(", ");
  throw new NoAnswer(
    `there is no program to record with (${names}): install one, or name yours with selftest.recorder`,
  );
}

function inRoom({ host, port }: { host: string; port: number }): Devices {
  const line = (who: string) => new TextEncoder().encode(`${who}\n`);
  const named = async <T>(act: () => Promise<T>, signal: AbortSignal): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof TcpError ? new NoAnswer(`the room at ${host}:${port}: ${error.message}`) : error;
    }
  };
  return {
    play: (sound, { signal }) =>
      named(async () => {
        using room = await connectTcp(host, port, signal);
        await room.write(line("speaker"));
        await room.write(soundOf(speechOf(sound)).samples);
        await room.closeWrite();
        await room.read(new Uint8Array(1)); // it hangs up when the last sample has been played
      }, signal),
    record: (onSound, signal) =>
      named(async () => {
        using room = await connectTcp(host, port, signal);
        await room.write(line("microphone"));
        const piece = new Uint8Array(64 << 10);
        for (let size = await room.read(piece); size !== null; size = await room.read(piece)) {
          onSound(piece.subarray(0, size));
        }
        throw new NoAnswer("the room has closed the microphone");
      }, signal),
  };
}

/** What a microphone hears, with the time of each sample. */
export class Recording {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** When sample 0 was heard, ms: by the piece that came soonest, since the others were held up somewhere. */
  #beganAt = Infinity;

  add(pcm: Uint8Array, now: number): void {
    this.#pieces.push(pcm.slice());
    this.#bytes += pcm.length;
    this.#beganAt = Math.min(this.#beganAt, now - this.ms);
  }

  /** How much it is, ms. */
  get ms(): number {
    return this.#bytes / 32;
  }
  timeOf(sample: number): number {
    return this.#beganAt + sample / 16;
  }
  get samples(): Int16Array<ArrayBuffer> {
    const all = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return speechOf({ rate: 16_000, width: 2, channels: 1, samples: all });
  }
}

/** Records until `act` is over. What goes wrong with the recorder is `act`'s to find out by `recording`. */
export async function recorded<T>(
  devices: Devices,
  { clock, signal }: Ask,
  act: (recording: Recording, failed: Promise<never>) => Promise<T>,
): Promise<T> {
  const over = new AbortController(), recording = new Recording();
  const both = AbortSignal.any([signal, over.signal]);
  const end = devices.record((pcm) => recording.add(pcm, clock.now()), both);
  const failed = end.then((): never => {
    throw new NoAnswer("the recorder has ended");
  });
  failed.catch(() => {});
  try {
    return await act(recording, failed);
  } finally {
    over.abort(new DOMException("it was recorded", "AbortError"));
    await end.catch((error) => {
      if (!(error instanceof NoAnswer) && !isAbort(error, both)) throw error;
    });
  }
}
