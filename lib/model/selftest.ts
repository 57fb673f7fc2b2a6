/** What a self-test found: which part of a turn works, how long it takes, and what is wrong with it. Spec: §10, §13; docs/contract.md §11. */

/** In the order in which they are tested. */
export const selftestStages = ["tts", "wake", "stt", "llm", "sound"] as const;
export type StageName = typeof selftestStages[number];

/** `unreached`: no answer, or an error. The others are what can be wrong with an answer. */
export const selftestProblems = [
  "unreached",
  "silent",
  "wrong_word",
  "not_heard",
  "misunderstood",
  "not_resident",
  "no_device",
  "microphone_dead",
  "speaker_muted",
  "wrong_device",
] as const;
export type SelftestProblem = typeof selftestProblems[number];

/** The figures of one stage, as they are kept. */
export interface StageFigures {
  stage: StageName;
  /** Null: there is no service for it. */
  service: string | null;
  verdict: "right" | "failed" | "not_tested";
  problem: SelftestProblem | null;
  /** How long it took; null where it has no figure. */
  ms: number | null;
  /** Until the first sound; of a tts. */
  first_ms: number | null;
  /** Length of the speech that was made or heard. */
  audio_ms: number | null;
  /** Words of the sentence that were understood, and all of them; of an stt. */
  words_right: number | null;
  words: number | null;
}

/** What the microphone heard of what was played. */
export interface SoundFigures {
  /** The loudest sample, 0..32768. */
  peak: number;
  snr_db: number;
  /** With what was sent: 1 is the same. */
  correlation: number;
  /** From the moment at which the player is done to the real end of the sound. */
  latency_ms: number;
}

export interface SelftestRecord {
  format: 1;
  /** ISO 8601. */
  at: string;
  boot: string;
  stages: StageFigures[];
  /** From the end of a question to the first sound of its answer, as the stages let expect; null when one has no figure. */
  first_audio_ms: number | null;
  /** Null: it was not tested with sound, or there was none. */
  sound: SoundFigures | null;
}

/** With what people are told beside the figures; not kept. */
export interface StageReport extends StageFigures {
  /** What was seen; of a failure cause, meaning and what to do, of what was not tested why. */
  text: string;
}
export interface SelftestReport extends SelftestRecord {
  stages: StageReport[];
}
