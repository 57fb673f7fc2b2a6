/** The assistants that `init --from NAME` writes. */
import type { Assistant } from "./mod.ts";

type Preset = Omit<Assistant, "room" | "home">;

export const presets: Record<string, Preset> = {
  debian: {
    about: "pocketsphinx hears, rules answer (no language model), flite speaks; all from Debian",
    wake: "pocketsphinx",
    stt: "pocketsphinx",
    llm: "rules",
    tts: "flite",
  },
  wyoming: {
    about: "openWakeWord, faster-whisper, Piper over Wyoming, and a small model in llama.cpp",
    wake: "openwakeword",
    stt: "faster-whisper",
    llm: "llama-cpp",
    tts: "piper",
  },
  "ollama-wyoming": {
    about: "an Ollama and the Wyoming servers that run already, on their usual ports",
    wake: "wyoming",
    stt: "wyoming",
    llm: "ollama",
    tts: "wyoming",
    model: "llama3.2",
  },
  llamacpp: {
    about: "a llama-server of yours, and the Wyoming servers that run already",
    wake: "wyoming",
    stt: "wyoming",
    llm: "llama-server",
    tts: "wyoming",
    model: "models/model.gguf",
  },
  external: {
    about: "everything but the satellite runs already, here or on another machine",
    wake: "wyoming",
    stt: "wyoming",
    llm: "openai",
    tts: "wyoming",
  },
};
