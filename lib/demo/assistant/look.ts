/**
 * What of an assistant runs or is installed here, for `init`. It only asks: servers at the addresses where they usually
 * listen, on this machine, and the file system. Spec: §3; CONTRACT §2.
 */
import { ollamaOrigin } from "../../protocols/ollama_address.ts";
import { ollamaModels, ollamaVersion } from "../../protocols/ollama.ts";
import { encodeEvent, eventReader, isNamed, readInfo, type WyomingOffer } from "../../protocols/wyoming.ts";
import { mayHaveGpu } from "../../gpu/source/presence.ts";
import { type Clock, deadline, systemClock } from "../../sys/clock.ts";
import { kindOf } from "../../sys/files/files.ts";
import { findProgram } from "../../sys/host.ts";
import { httpRequest } from "../../sys/net/http.ts";
import { connectTcp } from "../../sys/net/tcp.ts";
import { type Assistant, usualPorts } from "./mod.ts";

export type Part = "wake" | "stt" | "llm" | "tts" | "sound" | "gpu";

/** Something that is here. `choice`: what an assistant takes of it; left out when it cannot be used as it is. */
export interface Finding {
  part: Part;
  what: string;
  choice?: Partial<Assistant>;
}

export interface LookOptions {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  /** Where set_up.py puts its environment. */
  home: string;
  signal: AbortSignal;
  clock?: Clock;
  /** Where servers usually listen; tests have others. */
  ports?: typeof usualPorts;
}

/** A server on this machine answers at once; one that does not is not counted. */
const patienceMs = 1000;
const here = "127.0.0.1";

/** Everything found, what is best first within each part. Never rejects, except with the signal's reason. */
export async function look(o: LookOptions): Promise<Finding[]> {
  const ports = o.ports ?? usualPorts;
  const found = await Promise.all([
    wyoming(ports.wake, "wake", o),
    wyoming(ports.stt, "stt", o),
    ollama(o),
    openai(ports.openai, o),
    wyoming(ports.tts, "tts", o),
  ]);
  o.signal.throwIfAborted();
  return [...found.flat(), ...environment(o), ...installed(o), ...sound(o), ...gpu(o)];
}

/** The assistant that can be made of it; null when a part is missing. */
export function assistantOf(found: Finding[], home: string): Assistant | null {
  const of = (part: Part) => found.find((finding) => finding.part === part && finding.choice)?.choice;
  const parts = [of("wake"), of("stt"), of("llm"), of("tts")];
  if (parts.includes(undefined)) return null;
  const whole = Object.assign({ room: true, home }, ...parts, of("sound")) as Assistant;
  const { wake, stt, llm, tts } = whole;
  return {
    ...whole,
    about: `${wake} hears the wake word, ${stt} understands, ${llm} answers, ${tts} speaks`,
  };
}

const kinds = { wake: "wake", stt: "asr", tts: "tts" } as const;

async function wyoming(port: number, part: keyof typeof kinds, o: LookOptions): Promise<Finding[]> {
  const offer = await within<WyomingOffer | null>(o, async (signal) => {
    using stream = await connectTcp(here, port, signal);
    await stream.write(encodeEvent("describe"));
    const events = eventReader(stream);
    for (let seen = 0; seen < 16; seen++) {
      const event = await events.next();
      if (event === null || event.type === "info") return event && readInfo(event.data);
    }
    return null;
  });
  if (offer === null) return [];
  const names = Object.hasOwn(offer, kinds[part]) ? offer[kinds[part]]! : [];
  const at = `a Wyoming server at ${here}:${port}`;
  if (names.length === 0) {
    return [{ part, what: `${at}, but it offers ${Object.keys(offer).join(", ") || "nothing"}` }];
  }
  const listed = names.slice(0, 5).map((name) => name.slice(0, 40)).join(", ") +
    (names.length > 5 ? ", …" : "");
  if (part === "wake" && !names.some((name) => isNamed(name, "alexa"))) {
    return [{ part, what: `${at}, but it knows no "alexa": ${listed}` }];
  }
  return [{ part, what: `${at}: ${listed}`, choice: { [part]: "wyoming" } }];
}

async function ollama(o: LookOptions): Promise<Finding[]> {
  const origin = ollamaOrigin({}, o.env);
  return await within(o, async (signal) => {
    const options = { signal, timeoutMs: patienceMs };
    const version = await ollamaVersion(origin, options);
    if (version === null) return [];
    const models = await ollamaModels(origin, options) ?? [];
    const model = models.find((name) => !/embed|bge|minilm/i.test(name));
    const at = `Ollama ${version.slice(0, 20)} at ${origin}`;
    if (model === undefined) {
      return [{ part: "llm" as const, what: `${at}, but it has no model: \`ollama pull llama3.2\`` }];
    }
    const choice = { llm: "ollama" as const, model, llmUrl: origin };
    return [{ part: "llm" as const, what: `${at}: ${models.slice(0, 5).join(", ")}`, choice }];
  }) ?? [];
}

async function openai(port: number, o: LookOptions): Promise<Finding[]> {
  const url = `http://${here}:${port}`;
  const what = await within(o, async (signal) => {
    const { status } = await httpRequest(`${url}/health`, { signal, timeoutMs: patienceMs, maxBytes: 4096 });
    if (status !== 200 && status !== 503) return null;
    const models = await httpRequest(`${url}/v1/models`, {
      signal,
      timeoutMs: patienceMs,
      maxBytes: 1 << 20,
    });
    return models.status === 200 || models.status === 503 ? `an OpenAI-style server at ${url}` : null;
  });
  return what === null ? [] : [{ part: "llm", what, choice: { llm: "openai", llmUrl: url } }];
}

/** What set_up.py has made. */
function environment({ home }: LookOptions): Finding[] {
  const has = (path: string) => kindOf(`${home}/${path}`) !== null;
  if (!["env/bin/wyoming-piper", "wake/wyoming", "models/gemma-3-270m.gguf"].every(has)) return [];
  const where = `of the environment in ${home}`;
  return [
    { part: "wake", what: `openWakeWord ${where}`, choice: { wake: "openwakeword" } },
    { part: "stt", what: `faster-whisper ${where}`, choice: { stt: "faster-whisper" } },
    { part: "llm", what: `Gemma 3 270M ${where}`, choice: { llm: "llama-cpp" } },
    { part: "tts", what: `Piper ${where}`, choice: { tts: "piper" } },
  ];
}

function installed({ env, cwd }: LookOptions): Finding[] {
  const program = (name: string) => findProgram(name, cwd, env.PATH ?? "") !== null;
  const found: Finding[] = [];
  if (kindOf("/usr/lib/python3/dist-packages/pocketsphinx") !== null) {
    found.push({ part: "wake", what: "pocketsphinx is installed", choice: { wake: "pocketsphinx" } });
    found.push({ part: "stt", what: "pocketsphinx is installed", choice: { stt: "pocketsphinx" } });
  }
  if (program("flite")) found.push({ part: "tts", what: "flite is installed", choice: { tts: "flite" } });
  if (program("piper")) {
    found.push({ part: "tts", what: "piper is installed; its Wyoming server is wyoming-piper" });
  }
  if (program("llama-server")) {
    const what = "llama-server is installed; `init --from llamacpp` starts it with a GGUF file of yours";
    found.push({ part: "llm", what });
  }
  if (program("ollama")) found.push({ part: "llm", what: "ollama is installed; `ollama serve` starts it" });
  return found;
}

function sound({ env, cwd }: LookOptions): Finding[] {
  const tools = ["pw-record", "arecord", "parecord", "paplay", "aplay", "pw-play"];
  const there = tools.filter((name) => findProgram(name, cwd, env.PATH ?? "") !== null);
  const runtime = env.XDG_RUNTIME_DIR ?? "";
  const servers = {
    PipeWire: `${runtime}/pipewire-0`,
    PulseAudio: `${runtime}/pulse/native`,
    ALSA: "/dev/snd/timer",
  };
  const server = Object.entries(servers).find(([, path]) => kindOf(path) !== null)?.[0];
  if (server === undefined) return [];
  const canBoth = there.some((name) => /rec/.test(name)) && there.some((name) => /play/.test(name));
  const what = `${server}, with ${there.join(", ") || "no tool to play or record (apt install alsa-utils)"}`;
  return [{ part: "sound", what, ...(canBoth ? { choice: { room: false } } : {}) }];
}

function gpu({ env }: LookOptions): Finding[] {
  return mayHaveGpu(env) ? [{ part: "gpu", what: "there is one: `alexa-loader vram` shows it" }] : [];
}

/** What `ask` answers in time; null for whatever went wrong: then it is simply not there. */
async function within<T>(o: LookOptions, ask: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
  using limit = deadline(o.clock ?? systemClock, patienceMs, o.signal);
  return await ask(limit.signal).catch(() => null);
}
