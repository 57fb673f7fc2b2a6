/** Docker Compose: each service healthy, which means ready and warm, before the next one is started. Pure. */
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import {
  type Contained,
  contained,
  containerConfig,
  inContainer,
  literal,
  lostInContainers,
  models,
  programPath,
  scratch,
} from "./container.ts";
import {
  environmentOf,
  type ExportedFile,
  type ExportOptions,
  gateOf,
  head,
  lostEverywhere,
  named,
  seconds,
  splitSecrets,
  startLimitMs,
} from "./mod.ts";
import { yamlText } from "./yaml.ts";

/** The program takes its time to start, in each check, ms. */
const spareMs = 5000;

export function exportCompose(plan: BootPlan, o: ExportOptions): ExportedFile[] {
  const services = contained(plan, "compose");
  const name = named(plan.instance);
  const after = (before: readonly ServicePlan[]) => {
    if (before.length === 0) return undefined;
    const condition = (service: ServicePlan) =>
      gateOf(service) === "probe" ? "service_healthy" : "service_started";
    return Object.fromEntries(before.map((service) => [service.name, { condition: condition(service) }]));
  };
  const written = services.map((service, i) => [service.name, {
    ...composeService(plan, service, o),
    depends_on: after(services.slice(Math.max(0, i - 1), i)),
  }]);
  const [first] = services;
  const greet = {
    image: first?.image,
    entrypoint: inContainer(o, "greeting", ["greet", "--wait"]).map(literal),
    command: [],
    environment: variables(splitSecrets(o.config.variables)),
    network_mode: "host",
    volumes: ours(plan, o),
    tmpfs: [`${scratch}:exec`],
    restart: "no",
    depends_on: after(services),
  };
  const lost = [
    ...lostEverywhere(plan),
    "The window of the restart policy: `on-failure:N` counts for ever. Exit codes after which it is not started again.",
    "A service that does not answer any more is unhealthy, and Compose leaves it so.",
    ...lostInContainers(plan, false),
  ];
  const use = [
    `docker compose --file FILE up; Compose 2.30 or later. The program is this machine's ${o.program[0]}.`,
    "All use the host's network, since the configuration says where they listen.",
    "A variable without a value here is a secret: it comes from your environment, or a file .env.",
  ];
  const document = {
    name,
    services: Object.fromEntries([...written, ["greeting", greet]]),
    volumes: { [models.volume]: {} },
  };
  return [{ name: "compose.yaml", text: yamlText(head(plan, use, lost), [document]) }];
}

function composeService(plan: BootPlan, service: Contained, o: ExportOptions): object {
  const { health, warmup, restart } = service;
  const asked = gateOf(service) === "probe";
  const checkMs = Math.max(health.timeoutMs, warmup.kind === "none" ? 0 : warmup.timeoutMs) + spareMs;
  return {
    image: literal(service.image),
    entrypoint: o.resolve(service.argv).map(literal),
    command: [],
    environment: variables(environmentOf(service, o.config.variables)),
    network_mode: "host",
    volumes: [
      ...(asked ? ours(plan, o) : []),
      { type: "volume", source: models.volume, target: models.path },
    ],
    tmpfs: asked ? [`${scratch}:exec`] : undefined,
    gpus: service.gpu === "none" ? undefined : "all",
    // Ready and, once, warmed.
    healthcheck: asked
      ? {
        test: ["CMD", ...inContainer(o, service.name, ["warm", service.name, "--once"]).map(literal)],
        interval: seconds(health.intervalMs),
        timeout: seconds(checkMs),
        retries: health.failures,
        start_period: seconds(startLimitMs(service)),
        start_interval: "1s",
      }
      : undefined,
    restart: restart.type === "never"
      ? "no"
      : restart.type === "always"
      ? "always"
      : `on-failure:${restart.maxRestarts}`,
    stop_signal: service.stopSignal,
    stop_grace_period: seconds(service.graceMs),
  };
}

/** A name without a value is looked up where Compose is run. */
function variables({ plain, secret }: ReturnType<typeof environmentOf>): string[] {
  return [...plain.map(([key, value]) => literal(`${key}=${value}`)), ...secret];
}

/** Our program and the configuration, out of the machine that runs the engine. */
function ours(plan: BootPlan, o: ExportOptions): object[] {
  const bind = (source: string, target: string) => ({
    type: "bind",
    source: literal(source),
    target,
    read_only: true,
  });
  const config = containerConfig(o);
  return [
    bind(o.program[0]!, programPath),
    ...(config === null ? [] : [bind(plan.configPath, config)]),
  ];
}
