/** What `init --from NAME` writes. */
import specification from "../../../config/loader.yaml" with { type: "text" };
import { files, type StarterFile } from "../init/mod.ts";
import type { Finding } from "./look.ts";
import type { Assistant } from "./mod.ts";

type Preset = Omit<Assistant, "room" | "home">;

export const presets = {
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
} satisfies Record<string, Preset>;

const others = {
  demo: "a KWD and a TTS in Python to grow into yours; STT and LLM are played by the program's stand-ins",
  spec: "the specification's own example, with that KWD and TTS; STT and LLM are yours to write",
};

type AssistantName = keyof typeof presets;
export type PresetName = keyof typeof others | AssistantName;
export const presetNames = [...Object.keys(others), ...Object.keys(presets)] as PresetName[];

export function aboutPreset(name: PresetName): string {
  return name in others ? others[name as "demo"] : presets[name as AssistantName].about;
}

/** An assistant of that name, with what of it was found here: the model, and whether there is sound. */
export function presetOf(name: AssistantName, found: Finding[], home: string): Assistant {
  const preset: Preset = presets[name];
  const llm = found.find(({ choice }) => choice?.llm === preset.llm)?.choice;
  const room = !found.some(({ choice }) => choice?.room === false);
  return { ...preset, ...llm, room, home };
}

/** The specification's configuration, with the services of the starter. */
export function specificationFiles(): StarterFile[] {
  const [config, ...services] = files({ fromDemo: false });
  return [{ ...config!, text: specification }, ...services];
}
