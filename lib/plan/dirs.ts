/** Where an instance keeps its state, its logs and its sockets. Spec: §7; CONTRACT §1. */
import type { LoadedConfig } from "../config/load.ts";
import { resolvePath } from "./paths.ts";
import type { PlanFacts } from "./facts.ts";
import type { BootPlan } from "../model/plan.ts";

/** A socket's whole path must fit into 108 bytes (sun_path), and the longest file name in the folder needs this much. */
const socketNameBytes = 48;
const longestRuntimeDir = 108 - 1 - socketNameBytes;

/** The facts that folders depend on: not the history, which lies in one of them. */
type DirFacts = Omit<PlanFacts, "history">;

/** As the configuration calls it, else after the configuration's path. */
export function instanceName(config: LoadedConfig["config"], facts: DirFacts): string {
  return config.loader.name ?? facts.instanceHash(facts.configPath);
}

/**
 * State: `$XDG_STATE_HOME/alexa-loader/<name>`; logs: `<state>/logs`; runtime: `$XDG_RUNTIME_DIR/alexa-loader/<name>`.
 * Relative XDG paths are ignored, as that specification says. Without a runtime folder, or with one so long that a
 * socket would not fit, it is `/tmp/alexa-loader-<uid>/<name>`.
 */
export function planDirs(
  { config }: LoadedConfig,
  facts: DirFacts,
  instance: string = instanceName(config, facts),
): BootPlan["dirs"] {
  const { env, home } = facts;
  const stateHome = env.XDG_STATE_HOME?.startsWith("/") ? env.XDG_STATE_HOME : `${home}/.local/state`;
  const { state_dir, log_dir } = config.loader;
  const state = state_dir === undefined
    ? resolvePath(stateHome, `alexa-loader/${instance}`)
    : resolvePath(facts.configDir, state_dir);
  const log = log_dir === undefined ? `${state}/logs` : resolvePath(facts.configDir, log_dir);
  const short = `/tmp/alexa-loader-${facts.uid}/${instance}`;
  let runtime = short;
  if (env.XDG_RUNTIME_DIR?.startsWith("/")) {
    const wanted = resolvePath(env.XDG_RUNTIME_DIR, `alexa-loader/${instance}`);
    if (new TextEncoder().encode(wanted).length <= longestRuntimeDir) runtime = wanted;
  }
  return { state, log, runtime };
}
