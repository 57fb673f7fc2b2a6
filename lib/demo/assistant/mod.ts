/**
 * Whole assistants that `init` writes: a configuration put together from parts, each commented, with the satellite and the
 * small engines in Python's standard library that belong to it. The parts are real files, embedded as text.
 * Spec: §3, §9, §10; CONTRACT §5.
 */
import common from "./common.py" with { type: "text" };
import debianEngines from "./debian_engines.py" with { type: "text" };
import llamaServer from "./llama_server.py" with { type: "text" };
import partsText from "./parts.txt" with { type: "text" };
import room from "./room.py" with { type: "text" };
import satellite from "./satellite.py" with { type: "text" };
import setUp from "./set_up.py" with { type: "text" };
import type { StarterFile } from "../init/mod.ts";

export interface Assistant {
  /** What it is made of, in half a sentence. */
  about: string;
  wake: "pocketsphinx" | "openwakeword" | "wyoming";
  stt: "pocketsphinx" | "faster-whisper" | "wyoming";
  llm: "rules" | "llama-cpp" | "llama-server" | "ollama" | "openai";
  tts: "flite" | "piper" | "wyoming";
  /** The LLM's model: a name for Ollama, a file for llama-server. */
  model?: string;
  /** Where the external Wyoming servers run; this machine when left out. */
  host?: string;
  /** Address of the external LLM; its usual one when left out. */
  llmUrl?: string;
  /** The voice over the room instead of the sound tools that are found. */
  room: boolean;
  /** Where set_up.py puts its environment; needed by what it installs. */
  home: string;
}

/** Ports of what the assistant itself starts. */
export const ownPorts = { kwd: 5001, stt: 5002, llm: 5003, tts: 5004, wake: 5005, room: 5006 };
type Name = keyof typeof ownPorts;
/** Where those servers usually listen when somebody else runs them. */
export const usualPorts = { wake: 10400, stt: 10300, tts: 10200, ollama: 11434, openai: 8080 };

const parts = new Map(
  partsText.split(/^#= /m).slice(1).map((part) => {
    const end = part.indexOf("\n");
    return [part.slice(0, end), part.slice(end + 1)];
  }),
);

/** A base model completes text, and a small one needs to be shown how. */
const fewShots = [
  "Q: What is the capital of Italy?\\nA: The capital of Italy is Rome.",
  "Q: How many days are in a week?\\nA: There are seven days in a week.",
  "Q: Tell me about the moon.\\nA: The moon goes around the earth once a month.",
  "Q: {question}\\nA:",
].join("\\n");

/** The assistant's files, as `init` writes them. */
export function assistantFiles(assistant: Assistant): StarterFile[] {
  const { wake, stt, llm, tts } = assistant;
  const host = assistant.host ?? "127.0.0.1";
  const isOwn = (part: string) => !["wyoming", "ollama", "openai"].includes(part);
  const at = (name: "wake" | "stt" | "llm" | "tts") => {
    const part = assistant[name];
    if (isOwn(part)) return `127.0.0.1:${ownPorts[name]}`;
    return `${host}:${name === "llm" ? usualPorts[part as "ollama" | "openai"] : usualPorts[name]}`;
  };
  const names: Name[] = [...(assistant.room ? ["room" as const] : []), "wake", "kwd", "stt", "llm", "tts"];
  const external = { wake, stt, llm, tts };
  const own = names.filter((name) => !(name in external) || isOwn(external[name as "wake"]));
  const started: Name[] = ["kwd", "tts", "llm", "stt", "wake", "room"];
  const roomAt = `127.0.0.1:${ownPorts.room}`;
  const more = [
    ...(llm === "llama-cpp" ? [`--prompt=${fewShots}`] : []),
    ...(llm === "ollama" ? [`--model=${assistant.model}`] : []),
    ...(assistant.room
      ? [
        `--microphone={python} services/room.py microphone ${roomAt}`,
        `--speaker={python} services/room.py speaker ${roomAt} {rate}`,
      ]
      : []),
  ];
  const values: Record<string, string> = {
    about: assistant.about,
    start: JSON.stringify(names).replaceAll(",", ", "),
    stop: JSON.stringify(started.filter((name) => names.includes(name))).replaceAll(",", ", "),
    ports: `{ ${own.map((name) => `${name}: ${ownPorts[name]}`).join(", ")} }`,
    wake: at("wake"),
    stt: at("stt"),
    llm: assistant.llmUrl ?? `http://${at("llm")}`,
    tts: at("tts"),
    more: more.map((word) => `\n      - ${JSON.stringify(word)}`).join(""),
    home: assistant.home,
    selftest: assistant.room
      ? `\n\n  # Where \`selftest --sound\` plays and records.\n  selftest: { room: "${roomAt}" }`
      : "",
    host,
    model: assistant.model ?? "",
  };
  const chosen: Record<Name, string> = {
    room: "sound.room",
    wake: `wake.${wake}`,
    kwd: "kwd.satellite",
    stt: `stt.${stt}`,
    llm: `llm.${llm}`,
    tts: `tts.${tts}`,
  };
  const text = parts.get("head")! + names.map((name) => parts.get(chosen[name])!).join("\n");
  const config = text.replace(/\{\{(\w+)\}\}/g, (_, key) => values[key]!);
  const script = (name: string, text: string) => ({ path: `services/${name}`, text, mode: 0o755 });
  const isDebian = [wake, stt].includes("pocketsphinx") || llm === "rules" || tts === "flite";
  return [
    { path: "config/loader.yaml", text: config, mode: 0o644 },
    script("satellite.py", satellite),
    script("common.py", common),
    ...(assistant.room ? [script("room.py", room)] : []),
    ...(isDebian ? [script("debian_engines.py", debianEngines)] : []),
    ...(needsSetUp(assistant) ? [script("set_up.py", setUp)] : []),
    ...(llm === "llama-cpp" ? [script("llama_server.py", llamaServer)] : []),
  ];
}

/** `$XDG_CACHE_HOME/alexa-loader/voice`, where set_up.py makes its environment. */
export function voiceHome(env: Readonly<Record<string, string | undefined>>): string {
  return `${env.XDG_CACHE_HOME || `${env.HOME}/.cache`}/alexa-loader/voice`;
}

/** Whether a part of it comes from the environment that set_up.py makes. */
export function needsSetUp({ wake, stt, llm, tts }: Assistant): boolean {
  return wake === "openwakeword" || stt === "faster-whisper" || llm === "llama-cpp" || tts === "piper";
}
