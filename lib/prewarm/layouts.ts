/** Where the engines keep their models: Hugging Face, Ollama, Piper, whisper.cpp, llama.cpp. Spec: §9; CONTRACT §3. */
import type { Engine } from "./engine.ts";
import type { Walk } from "./model_file_search.ts";

/** Where the service will look: its own environment over the loader's. */
export interface Places {
  home: string;
  env: Readonly<Record<string, string | undefined>>;
  workdir: string;
}

/** Adds the files of every model that `engine` names, where its engine keeps them. */
export async function addFromLayouts(walk: Walk, engine: Engine, places: Places): Promise<void> {
  for (const model of engine.models) {
    if (engine.is("ollama")) await addOllama(walk, model, places);
    else await addHuggingFace(walk, engine, model, places);
    if (engine.is("piper")) await addPiper(walk, engine, model, places);
    if (engine.is("llama.cpp", "llama-cpp", "llama-server", "llama-cli")) {
      await addLlamaCpp(walk, model, places);
    }
    if (engine.is("whisper")) await addWhisper(walk, engine, model, places);
  }
  // whisper.cpp without a model takes this one.
  if (engine.is("whisper-server", "whisper-cli") && engine.models.length === 0) {
    await addWhisper(walk, engine, "base.en", places);
  }
}

const cacheHome = ({ env, home }: Places) => env.XDG_CACHE_HOME || `${home}/.cache`;

/** A part of a path that comes out of a name or a file: never a way up or out. */
const safePart = (part: string) => /^[\w.@+=-]{1,200}$/.test(part) && !/^\.+$/.test(part);

async function addHuggingFace(walk: Walk, engine: Engine, model: string, places: Places): Promise<void> {
  const { env } = places;
  const hub = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE ||
    `${env.HF_HOME || `${cacheHome(places)}/huggingface`}/hub`;
  const [name = "", quantization] = model.split(":");
  const wanted = (file: string) =>
    !quantization || !file.endsWith(".gguf") || file.toLowerCase().includes(quantization.toLowerCase());
  for (const repository of repositoriesOf(engine, name)) {
    const parts = repository.split("/");
    if (parts.length > 2 || !parts.every(safePart)) continue;
    // Engines are told of other folders in their command line, with the same layout below.
    for (const root of [hub, ...engine.paths]) {
      const folder = `${root}/models--${parts.join("--")}`;
      if (!await walk.isDir(folder)) continue;
      const snapshot = await snapshotOf(walk, folder);
      if (snapshot) await walk.addFolder(snapshot, wanted);
    }
  }
}

/** The snapshot that `main` means; without that reference the only one there is. */
async function snapshotOf(walk: Walk, folder: string): Promise<string | null> {
  const main = (await walk.text(`${folder}/refs/main`))?.trim();
  if (main && safePart(main)) return `${folder}/snapshots/${main}`;
  const all = await walk.names(`${folder}/snapshots`);
  return all.length === 1 ? `${folder}/snapshots/${all[0]}` : null;
}

function repositoriesOf(engine: Engine, name: string): string[] {
  if (name.includes("/")) return [name];
  if (!engine.is("faster-whisper", "ctranslate2")) return [];
  if (name === "turbo" || name === "large-v3-turbo") {
    return ["mobiuslabsgmbh/faster-whisper-large-v3-turbo", "dropbox-dash/faster-whisper-large-v3-turbo"];
  }
  if (name === "large") return ["Systran/faster-whisper-large-v3"];
  if (name.startsWith("distil-")) return [`Systran/faster-distil-whisper-${name.slice("distil-".length)}`];
  return [`Systran/faster-whisper-${name}`];
}

interface OllamaManifest {
  config?: { digest?: unknown };
  layers?: { digest?: unknown; mediaType?: unknown }[];
}

async function addOllama(walk: Walk, model: string, { env, home }: Places): Promise<void> {
  const colon = model.lastIndexOf(":");
  const tagged = colon > model.lastIndexOf("/");
  const name = tagged ? model.slice(0, colon) : model;
  const parts = [...name.split("/"), tagged ? model.slice(colon + 1) : "latest"];
  if (parts.length === 2) parts.unshift("library");
  if (parts.length === 3) parts.unshift("registry.ollama.ai");
  if (parts.length !== 4 || !parts.every(safePart)) return;
  const roots = env.OLLAMA_MODELS
    ? [env.OLLAMA_MODELS]
    : [`${home}/.ollama/models`, "/usr/share/ollama/.ollama/models"]; // its own user's, when it is a system service
  for (const root of roots) {
    const text = await walk.text(`${root}/manifests/${parts.join("/")}`);
    if (text === null) continue;
    const manifest = parseManifest(text);
    for (const layer of [...manifest.layers ?? [], { ...manifest.config, mediaType: "config" }]) {
      const digest = typeof layer?.digest === "string" &&
        /^sha256[:-]([0-9a-f]{64})$/.exec(layer.digest)?.[1];
      if (!digest) continue;
      const weights = /\.(model|projector|adapter)$/.test(String(layer.mediaType));
      await walk.add(`${root}/blobs/sha256-${digest}`, weights ? "model" : "tokenizer");
    }
    return;
  }
}

function parseManifest(text: string): OllamaManifest {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return {};
    return Array.isArray((value as OllamaManifest).layers ?? []) ? value as OllamaManifest : {};
  } catch {
    return {};
  }
}

/** A voice is two files, `<voice>.onnx` and `<voice>.onnx.json`. */
async function addPiper(walk: Walk, engine: Engine, voice: string, places: Places): Promise<void> {
  const name = voice.replace(/\.onnx$/, "");
  if (!safePart(name)) return;
  const data = places.env.XDG_DATA_HOME || `${places.home}/.local/share`;
  const folders = [
    ...engine.paths,
    places.workdir,
    `${data}/piper`,
    `${data}/piper-voices`,
    `${data}/piper/voices`,
    `${cacheHome(places)}/piper`,
  ];
  for (const folder of folders) {
    if (!await walk.add(`${folder}/${name}.onnx`)) continue;
    await walk.add(`${folder}/${name}.onnx.json`);
    return;
  }
}

/** whisper.cpp's `ggml-<model>.bin`, and the original's `<model>.pt`. */
async function addWhisper(walk: Walk, engine: Engine, model: string, places: Places): Promise<void> {
  if (!safePart(model)) return;
  const folders = [
    ...engine.paths,
    places.workdir,
    `${places.workdir}/models`,
    `${cacheHome(places)}/whisper.cpp`,
    `${cacheHome(places)}/whisper`,
    `${places.home}/.local/share/whisper.cpp/models`,
  ];
  for (const folder of folders) {
    if (await walk.add(`${folder}/ggml-${model}.bin`) || await walk.add(`${folder}/${model}.pt`)) return;
  }
}

/** llama.cpp saves what it fetched as `<org>_<name>_<file>.gguf`. */
async function addLlamaCpp(walk: Walk, model: string, places: Places): Promise<void> {
  const folder = places.env.LLAMA_CACHE || `${cacheHome(places)}/llama.cpp`;
  const [name = "", quantization = ""] = model.split(":");
  const stem = name.replaceAll("/", "_").replace(/\.gguf$/, "").toLowerCase();
  if (!safePart(stem)) return;
  await walk.addFolder(folder, (file) => {
    const lower = file.toLowerCase();
    return lower.endsWith(".gguf") && lower.startsWith(stem) && lower.includes(quantization.toLowerCase());
  }, 1);
}
