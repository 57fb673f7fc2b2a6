/** Which files a service will read when it loads its model. Spec: §9; CONTRACT §3. */
import type { ServicePlan } from "../../plan/types.ts";
import type { FileTree } from "../../sys/file_tree.ts";
import { engineOf } from "./engine.ts";
import { kindByName } from "./kinds.ts";
import { addFromLayouts, type Places } from "./layouts.ts";
import { type FoundFile, Walk } from "./walk.ts";

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
  for (const path of engine.paths) await addNamed(walk, path, engine.models, places);
  await addFromLayouts(walk, engine, places);
  if (walk.cutShort) problems.push("not everything was looked at: too many files in the folders it names");
  return { files: walk.files.sort(firstThingsFirst), problems };
}

const firstThingsFirst = (a: FoundFile, b: FoundFile) =>
  a.kind === b.kind
    ? a.kind === "model" ? b.size - a.size : a.size - b.size
    : a.kind === "tokenizer"
    ? -1
    : 1;

/** A path that the service is started with: a model file with what belongs to it, or a folder of such. */
async function addNamed(walk: Walk, path: string, models: readonly string[], places: Places): Promise<void> {
  if (kindByName(path) !== null) {
    if (!await walk.add(path)) return;
    for (const beside of [`${path}.json`, `${path}.data`, `${path}_data`]) {
      if (path.endsWith(".onnx")) await walk.add(beside);
    }
    const shard = /^(.*)-00001-of-(\d{5})\.(gguf|safetensors)$/.exec(path);
    for (let i = 2; shard && i <= Math.min(Number(shard[2]), 500); i++) {
      await walk.add(`${shard[1]}-${String(i).padStart(5, "0")}-of-${shard[2]}.${shard[3]}`);
    }
    return;
  }
  // Where a service works is not where its models are: whole homes and source trees are not walked.
  const whole = [places.home, places.workdir].some((dir) => dir === path || dir.startsWith(`${path}/`));
  if (path === "/" || whole || !await walk.isDir(path)) return;
  const names = await walk.names(path);
  // A cache of many models: the layouts know which.
  if (names.some((name) => name.startsWith("models--"))) return;
  const stems = models.map((model) => model.slice(model.lastIndexOf("/") + 1).toLowerCase());
  const chosen = (name: string) => stems.some((stem) => name.toLowerCase().startsWith(`${stem}.`));
  await walk.addFolder(path, names.some(chosen) ? chosen : undefined);
}
