/** From a configuration file, or the built-in demo, to a boot plan. Spec: §3, §9. */
import { ConfigCache } from "../config/cache.ts";
import { findConfig, readConfig } from "../config/find.ts";
import type { LoadedConfig } from "../config/load.ts";
import { measuredLatency } from "../metrics/output_latency.ts";
import type { History } from "../metrics/history.ts";
import { openHistory } from "../metrics/history.ts";
import { readyTimes } from "../metrics/figures.ts";
import { shortHash } from "../short_hash.ts";
import { planBoot, planDirs } from "../plan/mod.ts";
import type { BootPlan } from "../model/plan.ts";
import { environment, realPath, userId, workingDirectory } from "../sys/host.ts";
import { freePort, isPortFree } from "../sys/net/ports.ts";
import { buildStamp, version } from "../version.ts";

/** Which configuration: the demo, the file at `config`, or (neither given) the first one that is found. */
export interface ConfigChoice {
  config?: string;
  demo?: boolean;
}

export interface Loaded {
  loaded: LoadedConfig;
  plan: BootPlan;
  /** The last boots of this configuration. */
  history: History;
  /** Reads the same configuration again; what was learned from earlier boots stays. @throws as `loadPlan`. */
  reread(): Promise<BootPlan>;
  /** Of the demo: what it runs on instead of 5001, 5002, …; else empty. */
  demoPorts: readonly number[];
}

const firstDemoPort = 5001;

export interface PlanOptions {
  /** The demo takes free ports. */
  freePorts?: boolean;
  /** The demo runs on these instead of 5001, 5002, … */
  demoPorts?: readonly number[] | undefined;
  /** What earlier boots say about timeouts counts; true. */
  learned?: boolean;
}

/** How many of the last boots count for timeouts, predictions and the p95 in the log. */
const bootsThatCount = 20;

/** Reads, validates and plans; starts nothing. `learned`: what earlier boots say about timeouts counts; true. @throws LoaderError that names everything that is wrong. */
export async function loadPlan(
  choice: ConfigChoice,
  o: PlanOptions = {},
): Promise<Loaded> {
  const env = environment();
  const cwd = workingDirectory();
  if (choice.demo) return await planDemo(env, cwd, o);
  const path = findConfig(choice.config ?? null, cwd, env);
  const read = async (): Promise<Read> => {
    const configPath = realPath(path.startsWith("/") ? path : `${cwd}/${path}`);
    return { loaded: await readConfiguration(path, configPath, env), configPath };
  };
  return plan(await read(), read, cwd, env, o.learned);
}

/** A built program need not parse and validate again what it has read before; from source the code may have changed. */
async function readConfiguration(
  path: string,
  real: string,
  env: Record<string, string>,
): Promise<LoadedConfig> {
  const text = readConfig(path);
  const home = env.XDG_CACHE_HOME?.startsWith("/")
    ? env.XDG_CACHE_HOME
    : `${env.HOME ?? "/nonexistent"}/.cache`;
  const cache = buildStamp === null ? null : new ConfigCache({
    dir: `${home}/alexa-loader`,
    name: shortHash(real),
    build: `${version} ${buildStamp.commit} ${buildStamp.built}`,
    path,
    text,
    env,
  });
  const known = cache?.read();
  if (known) return known;
  const [{ parseConfig }, { checkPatterns }] = await Promise.all([
    import("../config/load.ts"),
    import("../config/patterns.ts"),
  ]);
  const loaded = parseConfig(text, path, env);
  await checkPatterns(loaded);
  cache?.write(loaded);
  return loaded;
}

/**
 * The demo takes free ports where the usual ones are busy; with ALEXA_DEMO_PORTS=any the system chooses them all, so that
 * many demos may start at the same moment.
 */
async function planDemo(
  env: Record<string, string>,
  cwd: string,
  { freePorts = false, demoPorts, learned }: PlanOptions,
): Promise<Loaded> {
  const { demoConfig, withFreePorts } = await import("../demo/config.ts");
  const chosen: number[] = [];
  const pick = (port: number) =>
    chosen[port - firstDemoPort] = demoPorts?.[port - firstDemoPort] ??
      (env.ALEXA_DEMO_PORTS !== "any" && isPortFree(port) ? port : freePort());
  const text = freePorts || demoPorts ? withFreePorts(demoConfig, pick) : demoConfig;
  const { parseConfig } = await import("../config/load.ts");
  const demo = { loaded: parseConfig(text, "<demo>", env), configPath: "<demo>" };
  return { ...plan(demo, () => Promise.resolve(demo), cwd, env, learned), demoPorts: chosen };
}

interface Read {
  loaded: LoadedConfig;
  /** Its real path. */
  configPath: string;
}

function plan(
  first: Read,
  again: () => Promise<Read>,
  cwd: string,
  env: Record<string, string>,
  learned = true,
): Loaded {
  const factsOf = ({ configPath }: Read) => ({
    configPath,
    configDir: configPath.startsWith("/") ? configPath.slice(0, configPath.lastIndexOf("/")) || "/" : cwd,
    cwd,
    home: env.HOME ?? "/",
    env,
    uid: userId(),
    instanceHash: (path: string) => path === "<demo>" ? "demo" : shortHash(path),
  });
  const { loaded } = first;
  const history = openHistory(planDirs(loaded, factsOf(first)).state, { last: bootsThatCount });
  const times = learned ? readyTimes(history.records) : null;
  const planOf = (read: Read) => {
    const facts = factsOf(read), outputLatencyMs = measuredLatency(planDirs(read.loaded, facts).state);
    return planBoot(read.loaded, { ...facts, history: times, outputLatencyMs });
  };
  return { loaded, plan: planOf(first), history, reread: async () => planOf(await again()), demoPorts: [] };
}
