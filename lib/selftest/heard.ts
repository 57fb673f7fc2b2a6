/** Is what the assistant says really heard in the room, and how late? Spec: §10; docs/contract.md §11. */
import type { SelftestProblem, SoundFigures } from "../model/selftest.ts";
import type { Sound } from "../protocols/sound.ts";
import { lengthMs } from "../protocols/sound.ts";
import { findSound } from "./correlate.ts";
import { type Devices, recorded } from "./devices.ts";
import { type Ask, NoAnswer } from "./engines.ts";
import { peakOf, speechOf, speechRate } from "./speech.ts";

/** The first sound of a microphone may take so long; what is heard before and after the sound, ms. */
const patienceMs = 3000, beforeMs = 500, afterMs = 1500, lookMs = 20;
/** Below this it is not what was sent, or too little of it. */
const leastCorrelation = 0.25;
/** Above this something was heard while it was played. */
const leastSnrDb = 6;

export interface HeardOutcome {
  problem: SelftestProblem | null;
  text: string;
  figures: SoundFigures | null;
}

/** Plays the sound and judges what the microphone heard of it. Rejects only with the signal's reason. */
export async function hearItself(sound: Sound, devices: Devices, ask: Ask): Promise<HeardOutcome> {
  const { clock, signal } = ask;
  const wrong = (problem: SelftestProblem, text: string): HeardOutcome => ({ problem, text, figures: null });
  const dead = (why: string) =>
    wrong(
      "microphone_dead",
      `The microphone gives ${why}: nobody is heard. Look whether it is plugged in, muted, or another one ` +
        "(`arecord -l`, `wpctl status`)",
    );
  try {
    return await recorded(devices, ask, async (recording, failed) => {
      const until = async (ms: number) => {
        const limit = clock.now() + patienceMs + ms;
        while (recording.ms < ms && clock.now() < limit) await clock.sleep(lookMs, signal);
        return recording.ms >= ms;
      };
      if (!await Promise.race([until(beforeMs), failed])) return dead("no sound");
      const playedFrom = recording.ms;
      await Promise.race([devices.play(sound, { ...ask, timeoutMs: lengthMs(sound) + 10_000 }), failed]);
      const finishedAt = clock.now();
      await Promise.race([until(recording.ms + afterMs), failed]);
      const sent = speechOf(sound), heard = recording.samples;
      if (peakOf(heard) <= 1) return dead("nothing but zeros");
      const found = findSound(sent, heard);
      if (found === null || found.correlation < leastCorrelation) {
        const from = Math.round(playedFrom * speechRate / 1000);
        return loudnessDb(heard.subarray(from)) - loudnessDb(heard.subarray(0, from)) < leastSnrDb
          ? wrong(
            "speaker_muted",
            "The microphone hears the room, and nothing of what is played: nobody hears an answer. Look whether the " +
              "speaker is muted, too quiet, or another one (`wpctl status`, `pactl list short sinks`)",
          )
          : wrong(
            "wrong_device",
            "The microphone hears something else than what is played: it, or the speaker, is another device than meant, " +
              "or somebody talks. Look at `wpctl status`, and name them with `selftest.player` and `selftest.recorder`",
          );
      }
      const endsAt = recording.timeOf(found.at + sent.length);
      const figures = {
        peak: peakOf(heard),
        snr_db: Math.round(10 * found.snrDb) / 10,
        correlation: Math.round(1000 * found.correlation) / 1000,
        latency_ms: Math.max(0, Math.round(endsAt - finishedAt)),
      };
      const text = `heard ${figures.snr_db} dB above the room, ${figures.latency_ms} ms late`;
      return { problem: null, text, figures };
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof NoAnswer) {
      return wrong("no_device", `It cannot be tried with sound: ${error.message}`);
    }
    throw error;
  }
}

function loudnessDb(samples: Int16Array): number {
  const power = samples.reduce((sum, value) => sum + value * value, 0) / Math.max(1, samples.length);
  return 10 * Math.log10(Math.max(1, power));
}
