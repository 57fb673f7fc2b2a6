/** Podman's Quadlet: a container unit for each service, and a plain one that greets. Pure. */
import type { BootPlan } from "../model/plan.ts";
import {
  environmentOf,
  type ExportedFile,
  gateOf,
  head,
  lostEverywhere,
  named,
  seconds,
  startLimitMs,
} from "./mod.ts";
import {
  type Contained,
  contained,
  containerConfig,
  inContainer,
  lostInContainers,
  models,
  programPath,
  scratch,
} from "./container.ts";
import { greetingUnit, restartLines, startLimit, type SystemdOptions } from "./systemd.ts";
import { commandWord, plainValue, type Section, unitText } from "./unit.ts";

/** From a health check's own limit to Podman's, which must not come first (podman#27290), ms. */
const spareMs = 10_000;

export function exportQuadlet(plan: BootPlan, o: SystemdOptions): ExportedFile[] {
  const services = contained(plan, "quadlet");
  const units = services.map(({ name }) => `${named(plan.instance, name)}.service`);
  const greeting = greetingUnit(plan, o, null, units);
  const folder = o.user ? "~/.config/containers/systemd/" : "/etc/containers/systemd/";
  const names = services.map(({ name }) => `${named(plan.instance, name)}.container`);
  const use = [
    `Podman 5.0 or later. Into ${folder}: ${names.join(", ")}`,
    `and ${greeting.name} beside the other units; then daemon-reload and start them.`,
    "All use the host's network, since the configuration says where they listen.",
  ];
  const lost = [...lostEverywhere(plan), ...lostInContainers(plan, true)];
  const files = services.map((service, i) => {
    const { restart } = service;
    const sections: Section[] = [
      ["Unit", [
        ["Description", `${service.name} of the voice assistant ${plan.instance}`],
        ...(i === 0 ? [] : [["After", units[i - 1]!], ["Wants", units[i - 1]!]] as [string, string][]),
        ...startLimit(restart),
      ]],
      ["Container", containerLines(plan, service, o)],
      ["Service", [
        ...restartLines(restart, o),
        ["TimeoutStartSec", seconds(startLimitMs(service) + spareMs)],
        ["TimeoutStopSec", seconds(service.graceMs + spareMs)],
      ]],
      ["Install", [["WantedBy", o.user ? "default.target" : "multi-user.target"]]],
    ];
    return { name: names[i]!, text: unitText(head(plan, i === 0 ? use : [], i === 0 ? lost : []), sections) };
  });
  return [...files, greeting];
}

function containerLines(
  plan: BootPlan,
  service: Contained,
  o: SystemdOptions,
): [string, string][] {
  const { argv: [program = "", ...args], health, warmup } = service;
  const { plain, secret } = environmentOf(service, o.config.variables);
  const ask = (...words: string[]) => commandless(JSON.stringify(inContainer(o, service.name, words)));
  const gate = gateOf(service);
  const config = containerConfig(o);
  const lines: [string, string][] = [
    ["Image", plainValue(service.image)],
    ["ContainerName", named(plan.instance, service.name)],
    ["Entrypoint", commandless(program)],
    ...(args.length > 0 ? [["Exec", args.map(commandWord).join(" ")] as [string, string]] : []),
    ["Network", "host"],
    ...plain.map(([key, value]): [string, string] => ["Environment", commandWord(`${key}=${value}`)]),
    ...secret.map((name): [string, string] => ["Secret", `${name},type=env,target=${name}`]),
    ...(gate === "probe"
      ? [
        ["Volume", `${plainValue(o.program[0]!)}:${programPath}:ro`],
        ...(config === null ? [] : [["Volume", `${plainValue(plan.configPath)}:${config}:ro`]]),
        ["Tmpfs", `${scratch}:exec`],
      ] as [string, string][]
      : []),
    ["Volume", `${models.volume}:${models.path}`],
    ...(service.gpu === "none" ? [] : [["AddDevice", "nvidia.com/gpu=all"] as [string, string]]),
  ];
  if (gate === "notify") lines.push(["Notify", "true"]);
  if (gate === "probe") {
    const first = warmup.kind === "none" ? ask("probe", service.name) : ask("warm", service.name);
    const firstMs = warmup.kind === "none" ? health.timeoutMs : warmup.timeoutMs;
    lines.push(
      ["Notify", "healthy"],
      ["HealthStartupCmd", first],
      ["HealthStartupInterval", "1s"],
      ["HealthStartupTimeout", seconds(firstMs + spareMs)],
      ["HealthStartupRetries", "0"], // systemd's limit ends it
      ["HealthCmd", ask("probe", service.name, "--health")],
      ["HealthInterval", seconds(health.intervalMs)],
      ["HealthTimeout", seconds(health.timeoutMs + spareMs)],
      ["HealthRetries", String(health.failures)],
      ["HealthOnFailure", "kill"], // Restart= starts it again
    );
  }
  lines.push(["StopSignal", service.stopSignal], ["StopTimeout", String(Math.ceil(service.graceMs / 1000))]);
  return lines;
}

/** What Quadlet takes as it stands and puts into a command line of systemd's, quoted: only `%` and `$` mean something. */
const commandless = (text: string): string => plainValue(text).replaceAll("$", "$$$$");
