/** Which files a service will read when it loads its model. Spec: §9; CONTRACT §3. */
import type { ServicePlan } from "../model/plan.ts";
import type { FileTree } from "../sys/files/file_tree.ts";
import { type Engine, engineOf } from "./engine.ts";
import { kindByName } from "./kinds.ts";
import { addFromLayouts, type Places } from "./layouts.ts";
import { type FoundFile, Walk } from "./model_file_search.ts";

export interface FindOptions {
  tree: FileTree;
  signal: AbortSignal;
  /** Environment of the loader; the service's own goes over it. */
  env: Readonly<Record<string, string | undefined>>;
  home: string;
}

export interface Found {
  /** Tokenizer files first, then models, the largest first. */
  files: FoundFile[];
  /** What was named and is not there, in words. */
  problems: string[];
}

/** Looks for them. Rejects only with the signal's reason. */
export async function findModelFiles(service: ServicePlan, o: FindOptions): Promise<Found> {
  const walk = new Walk(o.tree, o.signal);
  const problems: string[] = [];
  for (const glob of service.prepare.globs) {
    if (await walk.addGlob(glob) === 0) problems.push(`no file matches ${glob}`);
  }
  const engine = engineOf(service, o.home);
  const places: Places = { home: o.home, env: { ...o.env, ...service.env }, workdir: service.workdir };
  const folders: string[] = [];
  for (const path of engine.paths) {
    if (kindByName(path) !== null) await addFile(walk, path);
    else if (await isFolderOfModels(walk, path, places)) folders.push(path);
  }
  const stems = stemsOf(engine);
  const unnamed: string[] = [];
  for (const path of folders) {
    if (await addNamed(walk, path, stems) > 0) continue;
    if (engine.stores.has(path)) unnamed.push(path);
    else await walk.addFolder(path);
  }
  await addFromLayouts(walk, engine, places);
  for (const path of unnamed) {
    const why = await addTheOnlyOne(walk, path);
    if (why !== null) problems.push(why);
  }
  if (walk.cutShort) problems.push("not everything was looked at: too many files in the folders it names");
  return { files: walk.files.sort(firstThingsFirst), problems };
}

const firstThingsFirst = (a: FoundFile, b: FoundFile) =>
  a.kind === b.kind
    ? a.kind === "model" ? b.size - a.size : a.size - b.size
    : a.kind === "tokenizer"
    ? -1
    : 1;

/** A model file that the service is started with, and what belongs to it. */
async function addFile(walk: Walk, path: string): Promise<void> {
  if (!await walk.add(path)) return;
  for (const beside of [`${path}.json`, `${path}.data`, `${path}_data`]) {
    if (path.endsWith(".onnx")) await walk.add(beside);
  }
  const shard = /^(.*)-00001-of-(\d{5})\.(gguf|safetensors)$/.exec(path);
  for (let i = 2; shard && i <= Math.min(Number(shard[2]), 500); i++) {
    await walk.add(`${shard[1]}-${String(i).padStart(5, "0")}-of-${shard[2]}.${shard[3]}`);
  }
}

/** Whether a folder may be looked through. */
async function isFolderOfModels(walk: Walk, path: string, places: Places): Promise<boolean> {
  // Where a service works is not where its models are: whole homes and source trees are not walked.
  const whole = [places.home, places.workdir].some((dir) => dir === path || dir.startsWith(`${path}/`));
  if (path === "/" || whole || !await walk.isDir(path)) return false;
  // A cache of many models: the layouts know which.
  return !(await walk.names(path)).some((name) => name.startsWith("models--"));
}

/** How the files of the models that are named begin, or the folders they are in. */
function stemsOf(engine: Engine): string[] {
  const paths = engine.paths.filter((path) => !engine.stores.has(path));
  const last = (path: string) => path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  return [
    ...engine.models.map((model) => last(model).replace(/:.*$/, "")),
    ...paths.map((path) => last(path).replace(/\.\w+$/, "")),
  ].filter((stem) => stem !== "");
}

/** Adds what belongs to the models that are named; gives the number of files. */
function addNamed(walk: Walk, path: string, stems: readonly string[]): Promise<number> {
  return walk.addFolder(path, (name, folders) =>
    stems.some((stem) => {
      const rest = name.toLowerCase().startsWith(stem) ? name.slice(stem.length) : "";
      return /^(\.|-\d{5}-of-)/.test(rest) || folders.some((folder) => isOf(stem, folder.toLowerCase()));
    }));
}

/** `faster-whisper-tiny` is a folder of `tiny`. */
const isOf = (stem: string, folder: string) =>
  folder === stem || folder.endsWith(`-${stem}`) || folder.endsWith(`_${stem}`);

/** A folder of many models in which none is found by name: its only one, or none. Gives what is wrong, or null. */
async function addTheOnlyOne(walk: Walk, path: string): Promise<string | null> {
  if (walk.files.some(({ kind }) => kind === "model")) return null; // what it needs lies elsewhere
  let models = 0;
  await walk.addFolder(path, (name) => {
    if (kindByName(name) === "model") models++;
    return false;
  });
  if (models > 1) {
    return `${path} holds several models, and nothing says which: name it, or set prepare.files`;
  }
  await walk.addFolder(path);
  return null;
}
