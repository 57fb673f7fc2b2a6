/**
 * What a new plan changes beside the one that runs: which services need a fresh copy, which settings hold at once, and
 * which only when the loader starts again. Pure. Spec: §3.
 */
import { isDeepStrictEqual } from "node:util";
import type { PlanDifference, ServiceChange } from "../model/difference.ts";
import type { BootPlan, ServicePlan } from "../model/plan.ts";

/** How a setting is called in the configuration, and whether what runs was started with it. */
interface ServiceSetting {
  key: string;
  started?: true;
}
const serviceSettings: Record<Exclude<keyof ServicePlan, "name" | "tag">, ServiceSetting> = {
  role: { key: "role", started: true },
  manage: { key: "manage", started: true },
  argv: { key: "cmd", started: true },
  env: { key: "env", started: true },
  workdir: { key: "workdir", started: true },
  bindPort: { key: "port", started: true },
  readiness: { key: "readiness" },
  readyTimeout: { key: "timeouts" },
  health: { key: "health" },
  warmup: { key: "warmup" },
  prepare: { key: "prepare" },
  restart: { key: "restart" },
  graceMs: { key: "grace_sec" },
  stopSignal: { key: "stop_signal" },
  gpu: { key: "gpu" },
  vramMb: { key: "vram_mb" },
  control: { key: "control" },
  engine: { key: "model" },
  image: { key: "image" },
  link: { key: "tls" },
  wake: { key: "wake_on_lan" },
  elsewhere: { key: "elsewhere" },
};
/** Of what somebody else runs these say who it is, or what it must be able to: it is looked for anew, which costs it nothing. */
const startedExternally: ReadonlySet<string> = new Set(["readiness", "warmup", "link"]);

/** Its name, or the names of its parts. `fixed`: a running loader cannot take it over. */
interface LoaderSetting {
  key: string | Record<string, string>;
  fixed?: true;
}
/** Whoever adds a setting to the plan decides here whether it may change while the loader runs. */
const loaderSettings: Record<Exclude<keyof BootPlan, "services" | "warnings">, LoaderSetting> = {
  instance: { key: "name", fixed: true },
  dashboard: { key: "dashboard", fixed: true },
  remote: { key: "control", fixed: true },
  notify: { key: "notify", fixed: true },
  dirs: { key: { state: "state_dir", log: "log_dir", runtime: "the runtime folder" }, fixed: true },
  configPath: { key: "the configuration's path" },
  stopOrder: { key: "shutdown_sequence" },
  pollMaxMs: { key: "readiness_poll_ms" },
  lookahead: { key: "prepare.lookahead" },
  prewarm: { key: { enabled: "prewarm_next_service", files: "io_prewarm", tokenizers: "io_prewarm" } },
  greeting: { key: "post_boot_greeting" },
  selftest: { key: "selftest" },
  failFast: { key: "fail_fast_on_repeated_failures" },
  hygiene: { key: "port_hygiene" },
  shutdown: { key: "graceful_shutdown" },
  onLoaderDeath: { key: "on_loader_death", fixed: true },
  gpu: {
    key: {
      index: "gpu_index",
      pollMs: "vram_poll_interval_sec",
      deltasOnly: "vram_log_deltas_only",
      waitMs: "wait_for_gpu_sec",
      onShort: "on_vram_short",
    },
    fixed: true,
  },
  log: { key: "log", fixed: true },
};

const keysOf = <K extends string>(settings: Record<K, unknown>) => Object.keys(settings) as K[];
const namesOf = (services: readonly ServicePlan[]) => services.map(({ name }) => name);

/** What becomes of the loader that runs `old` when it is told `next`. */
export function planDifference(old: BootPlan, next: BootPlan): PlanDifference {
  const before = new Map(old.services.map((service) => [service.name, service]));
  const after = new Set(namesOf(next.services));
  const stays = (name: string) => before.has(name) && after.has(name);
  const lookAtAll = [old, next].every((plan) => plan.lookahead === plan.services.length);
  /** Without what only follows from who is in it. */
  const seen = [old, next].map((plan) => ({
    ...plan,
    stopOrder: plan.stopOrder.filter(stays),
    lookahead: lookAtAll ? "all" : plan.lookahead,
    hygiene: { ...plan.hygiene, ports: null },
  }));
  const differing = (fixed: boolean) =>
    keysOf(loaderSettings).filter((key) => (loaderSettings[key].fixed ?? false) === fixed)
      .flatMap((key) => differingIn(loaderSettings[key].key, seen[0]![key], seen[1]![key]));
  const [order, newOrder] = [old, next].map((plan) => namesOf(plan.services).filter(stays));
  return {
    added: namesOf(next.services).filter((name) => !before.has(name)),
    removed: old.stopOrder.filter((name) => !after.has(name)),
    changed: next.services.flatMap((service) => changeOf(before.get(service.name), service)),
    loader: [...isDeepStrictEqual(order, newOrder) ? [] : ["startup_sequence"], ...differing(false)],
    postponed: differing(true),
  };
}

function differingIn(key: LoaderSetting["key"], old: unknown, next: unknown): string[] {
  if (typeof key === "string") return isDeepStrictEqual(old, next) ? [] : [key];
  const [a, b] = [old, next] as Record<string, unknown>[];
  return [...new Set(keysOf(key).filter((part) => a![part] !== b![part]).map((part) => key[part]!))];
}

function changeOf(old: ServicePlan | undefined, next: ServicePlan): ServiceChange[] {
  if (!old) return [];
  const differing = keysOf(serviceSettings).filter((key) => !isDeepStrictEqual(old[key], next[key]));
  if (differing.length === 0) return [];
  return [{
    service: next.name,
    settings: differing.flatMap((key) =>
      key === "env" ? variablesOf(old.env, next.env) : serviceSettings[key].key
    ),
    restarts: differing.some((key) =>
      serviceSettings[key].started || (next.manage === "external" && startedExternally.has(key))
    ),
  }];
}

/** Their names: what is in them may be secret. */
function variablesOf(old: Record<string, string>, next: Record<string, string>): string[] {
  const all = new Set([...Object.keys(old), ...Object.keys(next)]);
  return [...all].filter((name) => old[name] !== next[name]).map((name) => `env.${name}`);
}

/** There is nothing to be done, nor to be told. */
export function isEmpty(difference: PlanDifference): boolean {
  return Object.values(difference).every((some) => some.length === 0);
}

/** The plan that runs once `next` was taken over: all of it but what cannot change while the loader runs. */
export function takenOver(old: BootPlan, next: BootPlan): BootPlan {
  const fixed = keysOf(loaderSettings).filter((key) => loaderSettings[key].fixed);
  // What is the same stays the very same: by that it is known.
  const services = next.services.map((service) =>
    old.services.find((o) => isDeepStrictEqual(o, service)) ?? service
  );
  return { ...next, services, ...Object.fromEntries(fixed.map((key) => [key, old[key]])) };
}
