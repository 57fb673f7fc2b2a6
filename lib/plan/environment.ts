/** What a spawned service finds in its environment, beyond the loader's own and the per-boot variables. Spec: §3, §9; CONTRACT §1. */
import type { LoadedConfig } from "../config/load.ts";
import type { ServiceConfig } from "../config/schema.ts";
import type { PlanFacts } from "./facts.ts";

/** Every library has its own name for the same wish. */
const threadVariables = [
  "OMP_NUM_THREADS",
  "MKL_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "BLIS_NUM_THREADS",
  "NUMEXPR_NUM_THREADS",
  "RAYON_NUM_THREADS",
];

const exportedKeys = [
  "backend",
  "compute_type",
  "mmapped",
  "server",
  "model",
  "kv_cache_tokens",
  "default_voice",
] as const;

/**
 * The service's variables. The service's own `env` has the last word; a CUDA setting that is only our default gives
 * way to what the loader itself was started with.
 */
export function planEnvironment(
  loaded: LoadedConfig,
  service: ServiceConfig,
  bindPort: number | null,
  facts: PlanFacts,
): Record<string, string> {
  const env: Record<string, string> = {};
  const cuda = loaded.config.loader.cuda;
  const tune = (variable: string, key: string, value: string) => {
    const inherited = facts.env[variable] !== undefined && !loaded.given.has(`loader.cuda.${key}`);
    if (value !== "" && !inherited) env[variable] = value;
  };
  tune("CUDA_MODULE_LOADING", "module_loading", cuda.module_loading);
  tune("PYTORCH_CUDA_ALLOC_CONF", "torch_alloc_conf", cuda.torch_alloc_conf);
  if (service.threads !== undefined) {
    for (const variable of threadVariables) env[variable] = String(service.threads);
  }
  if (bindPort !== null) env.ALEXA_BIND_PORT = String(bindPort);
  for (const key of exportedKeys) {
    if (service[key] !== undefined) env[`ALEXA_${key.toUpperCase()}`] = String(service[key]);
  }
  for (const [key, value] of Object.entries(service.options)) {
    env[`ALEXA_${key.toUpperCase()}`] = String(value);
  }
  // Its own clients' requests end with "unload after five minutes", whatever our warm-up said.
  const [program = "", verb] = service.cmd ?? [];
  if (/(^|\/)ollama$/.test(program) && verb === "serve" && facts.env.OLLAMA_KEEP_ALIVE === undefined) {
    env.OLLAMA_KEEP_ALIVE = "-1";
  }
  for (const [key, value] of Object.entries(service.env)) env[key] = String(value);
  return env;
}
