/** One configured service -> its part of the plan. Spec: §1.1, §3, §6. */
import { isLoopback, parseTarget } from "../address.ts";
import type { LoadedConfig } from "../config/load.ts";
import type { LoaderConfig, ServiceConfig } from "../config/schema.ts";
import { kindOf as controlKindOf } from "../controls/kinds.ts";
import { kindOf } from "../probes/kinds.ts";
import { planEnvironment } from "./environment.ts";
import { resolveArgv, resolvePath } from "./paths.ts";
import type { PlanFacts } from "./facts.ts";
import { httpOrigin, plainPort, planProbes, readinessPort } from "./probes.ts";
import { planReadyTimeout } from "./timeouts.ts";
import type { ControlSpec, Link, ProbeSpec, RestartPolicy, Role, ServicePlan } from "../model/plan.ts";
import { planWarmup } from "./warmup.ts";

const roles: readonly string[] = ["kwd", "stt", "llm", "tts"] satisfies Role[];

/** Everything about one service, resolved. */
export function planService(loaded: LoadedConfig, name: string, facts: PlanFacts): ServicePlan {
  const { loader, services } = loaded.config;
  const service = services[name]!; // the configuration's rules know of no other name
  const spawned = service.manage === "spawn";
  const role = service.role ?? (roles.includes(name) ? name as Role : "other");
  const readiness = planProbes(service.readiness, service, facts, null);
  const bindPort = spawned ? planBindPort(loader, name, readiness) : null;
  const control = planControl(service, readiness, facts);
  const { health } = service;
  const wake = planWake(service);
  const readyTimeout = planReadyTimeout(loaded, name, historyOf(facts, name));
  return {
    name,
    tag: name.toUpperCase(),
    role,
    manage: service.manage,
    argv: spawned && service.cmd ? resolveArgv(facts.configDir, service.cmd) : [],
    env: planEnvironment(loaded, service, bindPort, facts),
    workdir: service.workdir === undefined
      ? resolvePath("/", facts.cwd)
      : resolvePath(facts.configDir, service.workdir),
    ...(service.image === undefined ? {} : { image: service.image }),
    bindPort,
    readiness,
    readyTimeout: wake && wake.waitMs > readyTimeout.value
      ? { value: wake.waitMs, from: "wake_on_lan.wait_sec" }
      : readyTimeout,
    health: {
      probes: planProbes(health.probe ?? service.readiness, service, facts, health.timeout_ms)
        .filter((probe) => health.probe !== undefined || !kindOf(probe).once),
      intervalMs: 1000 * (health.interval_sec ?? loader.health_check_interval_sec),
      timeoutMs: health.timeout_ms,
      failures: health.failures ?? (spawned ? 3 : 2),
      busy: { cpu: health.busy.cpu ?? spawned, limitMs: health.busy.limit_sec * 1000 },
    },
    warmup: planWarmup({ name, role, service, readiness, control, facts }),
    prepare: planPrepare(service, facts),
    restart: planRestart(loader.restart_policy, service),
    graceMs: 1000 * (service.grace_sec ?? loader.graceful_shutdown.per_service_grace_sec),
    stopSignal: service.stop_signal,
    gpu: service.gpu,
    vramMb: service.vram_mb ?? null,
    control,
    ...planLink(service, facts),
    ...wake ? { wake } : {},
    ...planElsewhere(service, facts),
    engine: {
      backend: service.backend ?? null,
      server: service.server ?? null,
      model: service.model ?? null,
    },
  };
}

/** The port of `port_hygiene`, else the one that readiness is asked on, if that is on this machine. */
function planBindPort(
  loader: LoaderConfig["loader"],
  name: string,
  readiness: readonly ProbeSpec[],
): number | null {
  const { ports } = loader.port_hygiene;
  if (Object.hasOwn(ports, name)) return ports[name]!;
  const asked = readinessPort(readiness);
  return asked && isLoopback(asked.host) ? asked.port : null;
}

function planControl(service: ServiceConfig, readiness: readonly ProbeSpec[], facts: PlanFacts): ControlSpec {
  const origin = httpOrigin(readiness);
  const { control = { kind: origin === null ? "none" : "http" } } = service;
  const argv = (words: readonly string[]) => resolveArgv(facts.configDir, words);
  const context = { service, origin, listening: plainPort(readiness), argv };
  return controlKindOf(control).plan(control, context) as ControlSpec;
}

/** Within one check of readiness, so that it is told apart from a slow answer, ms. */
const usualConnectMs = 1500;

function planLink(service: ServiceConfig, { configDir }: PlanFacts): { link?: Link } {
  const { tls, token_file, token_env, connect_timeout_ms } = service;
  if ((tls ?? token_file ?? token_env ?? connect_timeout_ms) === undefined) return {};
  const file = <K extends string>(key: K, path: string | undefined) =>
    (path === undefined ? {} : { [key]: resolvePath(configDir, path) }) as { [key in K]?: string };
  return {
    link: {
      ...tls && {
        tls: {
          ...file("caFile", tls.ca_file),
          ...file("certFile", tls.cert_file),
          ...file("keyFile", tls.key_file),
          ...tls.server_name === undefined ? {} : { serverName: tls.server_name },
        },
      },
      ...token_file !== undefined && { token: { file: resolvePath(configDir, token_file) } },
      ...token_env !== undefined && { token: { env: token_env } },
      connectMs: connect_timeout_ms ?? usualConnectMs,
    },
  };
}

function planElsewhere(
  { manage, elsewhere }: ServiceConfig,
  { configDir }: PlanFacts,
): Pick<ServicePlan, "elsewhere"> {
  if (!elsewhere || manage !== "external") return {};
  const { url, token_file, ca_file } = elsewhere;
  const tls = ca_file === undefined ? {} : { caFile: resolvePath(configDir, ca_file) };
  const link = { tls, token: { file: resolvePath(configDir, token_file) }, connectMs: usualConnectMs };
  return { elsewhere: { url: url.replace(/\/+$/, ""), link } };
}

function planWake({ manage, wake_on_lan: wake }: ServiceConfig): ServicePlan["wake"] {
  if (!wake || manage !== "external") return undefined;
  const { host, port } = parseTarget(wake.broadcast) ?? { host: wake.broadcast, port: 9 };
  return { mac: wake.mac.toLowerCase().replaceAll("-", ":"), host, port, waitMs: 1000 * wake.wait_sec };
}

function planPrepare(service: ServiceConfig, facts: PlanFacts): ServicePlan["prepare"] {
  const prepare = typeof service.prepare === "object" ? service.prepare : null;
  const shorthand = typeof service.prepare === "boolean" ? service.prepare : undefined;
  const globs = Array.isArray(prepare?.files)
    ? prepare.files.map((glob) => resolvePath(facts.configDir, glob))
    : [];
  const files = shorthand ?? (typeof prepare?.files === "boolean" ? prepare.files : undefined) ??
    (globs.length > 0 || service.prepare_async || service.mmapped === true);
  return {
    files,
    standby: prepare?.standby ?? false,
    globs,
    tokenizers: files && (prepare?.tokenizers ?? true),
  };
}

function planRestart(
  policy: LoaderConfig["loader"]["restart_policy"],
  { manage, restart: own }: ServiceConfig,
): RestartPolicy {
  const initialMs = 1000 * (own?.backoff?.initial_sec ?? policy.backoff.initial_sec);
  return {
    type: manage === "external" ? "watch" : own?.type ?? policy.type,
    maxRestarts: own?.max_restarts ?? policy.max_restarts,
    windowMs: 1000 * (own?.window_sec ?? policy.window_sec),
    backoff: {
      initialMs,
      factor: own?.backoff?.factor ?? policy.backoff.factor,
      // A service's own first wait may exceed the loader-wide longest one.
      maxMs: Math.max(initialMs, 1000 * (own?.backoff?.max_sec ?? policy.backoff.max_sec)),
    },
    noRestartExitCodes: own?.no_restart_exit_codes ?? policy.no_restart_exit_codes,
  };
}

function historyOf(facts: PlanFacts, name: string): readonly number[] {
  return facts.history !== null && Object.hasOwn(facts.history, name) ? facts.history[name]! : [];
}
