/** The command by which the assistant proves that it works. */
import { buildCommand } from "@stricli/core";
import { config, json } from "./flags.ts";

export const selftest = buildCommand({
  loader: async () => (await import("../selftest.ts")).selftest,
  parameters: {
    flags: {
      config,
      json,
      sound: {
        kind: "boolean",
        optional: true,
        brief:
          "Also aloud: play the sentence, record it, measure the sound's delay; the wake word is muted meanwhile",
      },
      say: {
        kind: "parsed",
        parse: (text: string) => {
          if (text.trim() === "" || text.length > 500) {
            throw new Error("a sentence of at most 500 characters");
          }
          return text;
        },
        optional: true,
        placeholder: "TEXT",
        brief: "Sentence that is said and to be understood; a short question, in English, when left out",
      },
    },
  },
  docs: {
    brief: "Have the running assistant prove that it hears, understands, thinks and speaks",
    fullDescription:
      "Without any sound: its TTS says the wake word and a sentence, the wake word service and the STT get to hear that, the\n" +
      "LLM is asked for one token; whether its model was in memory is asked before. Each stage stands beside the p95 of\n" +
      "earlier tests (kept in the state folder, without a word). Who listens in earnest hears nothing of it. A service that\n" +
      "is asked in another way than Wyoming, OpenAI style or Ollama is not tested, and it says why.\n" +
      "With --sound the sentence is played and recorded: a dead microphone, a muted speaker and a wrong device are named, and\n" +
      "the measured delay takes the place of `output_latency_ms` from the next start on, unless that is configured.\n" +
      "Exit codes: 0 all that could be tested is right, 4 something failed, 5 no loader runs, 7 nothing could be tested.",
  },
});
