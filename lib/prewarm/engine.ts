/** What a service's plan says about its engine: which one, which models by name, which places. Spec: §9. */
import type { ServicePlan } from "../model/plan.ts";
import { isOllama } from "../probes/ollama.ts";
import { isOllama as isOllamaWarmup } from "../warmups/ollama.ts";

export interface Engine {
  /** Backend, server and program names, lower case: "faster-whisper", "llama-server", … */
  is(...names: string[]): boolean;
  /** Names of models and voices, in the words of the engine. Not paths. */
  models: string[];
  /** Paths that the command line and the service's options name, absolute. Whether they exist is not known yet. */
  paths: string[];
  /** Those of `paths` that hold a choice of models as far as their option says ("--data-dir"), not the one that is used. */
  stores: ReadonlySet<string>;
}

/** Options whose value is the name of a model. */
const modelOptions = new Set([
  "-m",
  "--model",
  "--model-id",
  "--model_name",
  "--model-name",
  "-hf",
  "-hfr",
  "--hf-repo",
  "--repo-id",
  "--voice",
]);

/** Options and variables whose value is the model itself, be it a folder. */
const isModel = (option: string) =>
  modelOptions.has(option) ||
  (/model|voice|weight|checkpoint/i.test(option) && !/models|voices|cache|store|repos/i.test(option));

/** Reads the plan; nothing is looked up. */
export function engineOf(service: ServicePlan, home: string): Engine {
  const { argv, env, warmup } = service;
  const names = new Set<string>();
  for (const name of [service.engine.backend, service.engine.server, argv[0] && baseName(argv[0])]) {
    if (name) names.add(name.toLowerCase());
  }
  const module = moduleAt(argv);
  const [top] = argv[module]?.split(".") ?? [];
  if (top) names.add(top.replaceAll("_", "-").toLowerCase());
  const probes = service.readiness.filter(isOllama);
  if (isOllamaWarmup(warmup) || probes.length > 0) names.add("ollama");

  const models = new Set<string>();
  const addModel = (name: string | null | undefined) => {
    if (name && name.length < 300 && !/^[/.~]|\0/.test(name)) models.add(name);
  };
  addModel(service.engine.model);
  addModel(env.ALEXA_DEFAULT_VOICE);
  if (isOllamaWarmup(warmup)) addModel(warmup.model);
  for (const { model } of probes) addModel(model);

  const paths = new Set<string>();
  const ofModel = new Set<string>();
  const addPath = (word: string, model: boolean) => {
    if (word === "" || word.length > 4096 || /^-|\0|^[a-z][a-z0-9+.-]*:\/\//i.test(word)) return;
    const path = word.startsWith("~/") ? `${home}${word.slice(1)}` : word;
    const { pathname } = new URL(
      `file://${encodePath(path.startsWith("/") ? path : `${service.workdir}/${path}`)}`,
    );
    const plain = decodeURIComponent(pathname).replace(/(.)\/+$/, "$1");
    paths.add(plain);
    if (model) ofModel.add(plain);
  };
  for (const [i, word] of argv.entries()) {
    if (i === 0 || i === module) continue;
    const [, option = argv[i - 1]!, value = word] = /^(--?[\w-]+)=(.*)$/s.exec(word) ?? [];
    if (modelOptions.has(option)) addModel(value);
    addPath(value, !option.startsWith("-") || isModel(option));
  }
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith("ALEXA_")) addPath(value, isModel(name));
  }

  return {
    is: (...wanted) => wanted.some((name) => [...names].some((own) => own === name || own.includes(name))),
    models: [...models],
    paths: [...paths],
    stores: paths.difference(ofModel),
  };
}

/** Where a Python command line names its module; -1 for every other. */
function moduleAt(argv: readonly string[]): number {
  const [program = ""] = argv;
  if (!/^python[\d.]*$/.test(baseName(program))) return -1;
  const flag = argv.indexOf("-m");
  return flag > 0 && argv[flag + 1] !== undefined ? flag + 1 : -1;
}

/** URL parsing takes `.` and `..` out of a path, but would read these signs as something else. */
const encodePath = (path: string) => path.split("/").map(encodeURIComponent).join("/");

const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
