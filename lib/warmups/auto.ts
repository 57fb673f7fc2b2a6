/** The warm-up that suits a service which does not name one, by its role, its server and its readiness. Spec: §9; CONTRACT §4. */
import { http } from "./http.ts";
import { audio, nothing, spokenText, warmupChoice } from "./kind.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { wyoming } from "./wyoming.ts";

export const auto = warmupChoice({
  kind: "auto",
  schema: (shapes, common) =>
    shapes.z.strictObject({
      kind: shapes.z.literal("auto").default("auto").describe("Chosen by role and readiness"),
      ...common,
      audio: audio(shapes),
      text: spokenText(shapes),
    }),
  plan({ audio, text }, context) {
    const { role, service, origin, listening, verbs, speech } = context;
    if (role === "stt" && service.warmup_encoder_ms === 0) {
      return nothing("switched off (warmup_encoder_ms: 0)");
    }
    if (role === "llm" && service.warmup_token === 0) return nothing("switched off (warmup_token: 0)");
    if (role === "llm" && (service.server === "ollama" || (context.ollama && !service.server))) {
      return ollama.plan({}, context);
    }
    if (speech !== null) return openai.plan({ url: speech, text }, context);
    // `server: openai` names the way where it leads somewhere; an STT or TTS without an HTTP address has others.
    const hasHttp = (role === "stt" || role === "tts") && origin !== null;
    if (service.server === "openai" && (role === "llm" || hasHttp)) {
      return openai.plan({ audio, text }, context);
    }
    // A TTS with verbs of its own is asked by them.
    const maySpeakWyoming = role === "stt" || (role === "tts" && verbs === null);
    if (maySpeakWyoming && listening !== null) return wyoming.plan({ audio, text }, context);
    return http.plan({ text }, context);
  },
});
