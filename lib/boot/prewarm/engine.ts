/** What a service's plan says about its engine: which one, which models by name, which places. Spec: §9. */
import type { ServicePlan } from "../../plan/types.ts";

export interface Engine {
  /** Backend, server and program names, lower case: "faster-whisper", "llama-server", … */
  is(...names: string[]): boolean;
  /** Names of models and voices, in the words of the engine. Not paths. */
  models: string[];
  /** Paths that the command line and the service's options name, absolute. Whether they exist is not known yet. */
  paths: string[];
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

/** Reads the plan; nothing is looked up. */
export function engineOf(service: ServicePlan, home: string): Engine {
  const { argv, env, warmup } = service;
  const names = new Set<string>();
  for (const name of [service.engine.backend, service.engine.server, argv[0] && baseName(argv[0])]) {
    if (name) names.add(name.toLowerCase());
  }
  for (const [i, word] of argv.entries()) {
    if (word === "-m" && argv[i + 1] && /^python[\d.]*$/.test(baseName(argv[0]))) {
      names.add(argv[i + 1].split(".")[0].replaceAll("_", "-").toLowerCase());
    }
  }
  if (warmup.kind === "ollama" || service.readiness.some((probe) => probe.type === "ollama")) {
    names.add("ollama");
  }

  const models = new Set<string>();
  const addModel = (name: string | null | undefined) => {
    if (name && name.length < 300 && !/^[/.~]|\0/.test(name)) models.add(name);
  };
  addModel(service.engine.model);
  addModel(env.ALEXA_DEFAULT_VOICE);
  if (warmup.kind === "ollama") addModel(warmup.model);
  for (const probe of service.readiness) if (probe.type === "ollama") addModel(probe.model);

  const paths = new Set<string>();
  const addPath = (word: string) => {
    if (word === "" || word.length > 4096 || /^-|\0|^[a-z][a-z0-9+.-]*:\/\//i.test(word)) return;
    const path = word.startsWith("~/") ? `${home}${word.slice(1)}` : word;
    paths.add(
      new URL(`file://${encodePath(path.startsWith("/") ? path : `${service.workdir}/${path}`)}`).pathname,
    );
  };
  for (const [i, word] of argv.entries()) {
    if (i === 0) continue;
    const [, option, value] = /^(--?[\w-]+)=(.*)$/s.exec(word) ?? [];
    if (modelOptions.has(option ?? argv[i - 1])) addModel(value ?? word);
    addPath(value ?? word);
  }
  for (const [name, value] of Object.entries(env)) if (name.startsWith("ALEXA_")) addPath(value);

  return {
    is: (...wanted) => wanted.some((name) => [...names].some((own) => own === name || own.includes(name))),
    models: [...models],
    paths: [...paths].map(decodeURIComponent).map((path) => path.replace(/(.)\/+$/, "$1")),
  };
}

/** URL parsing takes `.` and `..` out of a path, but would read these signs as something else. */
const encodePath = (path: string) => path.split("/").map(encodeURIComponent).join("/");

const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
