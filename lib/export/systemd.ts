/**
 * systemd: one unit for the loader, or one for each service, so that systemd itself supervises: readiness is asked by
 * `alexa-loader probe`, `alexa-loader warm` warms, and the next one starts after that. Pure.
 */
import type { BootPlan, RestartPolicy, ServicePlan } from "../model/plan.ts";
import { isSecretName } from "../redact.ts";
import {
  environmentOf,
  type ExportedFile,
  type ExportOptions,
  gateOf,
  head,
  lostEverywhere,
  named,
  seconds,
  startLimitMs,
} from "./mod.ts";
import { commandLine, plainValue, type Section, unitText, unitWord } from "./unit.ts";

export interface SystemdOptions extends ExportOptions {
  /** A unit of the user's own manager; else one of the machine, which runs as `runAs`. */
  user: boolean;
  runAs: string;
  /** The target's version. */
  systemd: number;
  /** Where programs are looked for: a manager's own PATH knows no virtual environment. */
  path: string;
}

/** Debian 12's: what is written for an unknown one. */
export const usualSystemd = 252;
/** Secrets are read from here; only its owner should be able to. */
const secretsFile = "%E/alexa-loader/environment";
/** From the last service's end to the loader's own, and from an engine's limit to ours, ms. */
const spareMs = 5000;
/** GPU and display drivers may keep it waiting in the precheck, ms. */
const precheckMs = 60_000;
/** A loader that gives no sign of life for so long hangs, ms. */
const watchdogMs = 60_000;

type Lines = [key: string, value: string][];

export const unitName = ({ instance }: BootPlan): string => `${named(instance)}.service`;

/** The loader's unit. */
export function exportSystemd(plan: BootPlan, o: SystemdOptions): ExportedFile[] {
  const name = unitName(plan);
  const startMs = plan.services.reduce((ms, service) => ms + startLimitMs(service), precheckMs);
  const sections: Section[] = [
    ["Unit", [
      ["Description", `Local voice assistant ${plan.instance}`],
      ...afterSound(o),
      ["StartLimitIntervalSec", "600s"],
      ["StartLimitBurst", "5"],
    ]],
    ["Service", [
      ["Type", o.systemd >= 253 ? "notify-reload" : "notify"],
      ["WatchdogSec", seconds(watchdogMs)],
      ["WorkingDirectory", plainValue(o.folder)],
      ["ExecStart", commandLine([...o.program, "up", ...o.choice])],
      ...(o.systemd >= 253 ? [] : [["ExecReload", "/bin/kill -HUP $MAINPID"] as [string, string]]),
      ...variables([["PATH", o.path], ...Object.entries(o.config.variables)]),
      ["TimeoutStartSec", seconds(startMs)],
      ["KillMode", "mixed"], // the loader stops its services itself, in their order
      ["TimeoutStopSec", seconds(plan.shutdown.budgetMs + spareMs)],
      ["Restart", "on-failure"],
      ["RestartSec", "5s"],
      ...steps(o, 5, 300_000),
      ["RestartPreventExitStatus", "2"], // a configuration that is wrong is not mended by starting again
      ["OOMPolicy", "continue"],
      ...hardening(o),
    ]],
    install(o),
  ];
  return [{ name, text: unitText(head(plan, usage(plan, o, [name], name), []), sections) }];
}

/** A unit for each service, one for the greeting, and the target that wants them all. */
export function exportPerService(plan: BootPlan, o: SystemdOptions): ExportedFile[] {
  const target = `${named(plan.instance)}.target`;
  const units = plan.services.map((service) => `${named(plan.instance, service.name)}.service`);
  const files = plan.services.map((service, i) => ({
    name: units[i]!,
    text: unitText(head(plan, [`${target} starts it.`], []), [
      unitSection(
        o,
        `${service.name} of the voice assistant ${plan.instance}`,
        target,
        units[i - 1],
        service,
      ),
      ["Service", service.manage === "external" ? externalLines(service, o) : serviceLines(service, o)],
    ]),
  }));
  const greeting = greetingUnit(plan, o, target, units);
  const all = [...files, greeting];
  const lost = [
    ...lostEverywhere(plan),
    "A service whose process lives and does not answer any more: systemd asks nobody for health.",
  ];
  const text = unitText(head(plan, usage(plan, o, [target, ...all.map(({ name }) => name)], target), lost), [
    ["Unit", [
      ["Description", `Local voice assistant ${plan.instance}`],
      ["Wants", all.map(({ name }) => name).join(" ")],
      ["After", all.map(({ name }) => name).join(" ")],
    ]],
    install(o),
  ]);
  return [{ name: target, text }, ...all];
}

/** Greets once all are up; Quadlet's services want it, too. */
export function greetingUnit(
  plan: BootPlan,
  o: SystemdOptions,
  target: string | null,
  units: readonly string[],
): ExportedFile {
  const waits = plan.services.reduce((ms, { readyTimeout }) => ms + readyTimeout.value, precheckMs);
  return {
    name: `${named(plan.instance, "greet")}.service`,
    text: unitText(
      head(plan, ["Says the greeting once all services are up, once while the machine runs."], []),
      [
        ["Unit", [
          ["Description", `Greeting of the voice assistant ${plan.instance}`],
          ["After", units.join(" ")],
          ...(target === null ? [] : [["PartOf", target] as const]),
        ]],
        ["Service", [
          ["Type", "oneshot"],
          ["RemainAfterExit", "yes"],
          ["ExecStart", commandLine([...o.program, "greet", "--wait", ...o.choice])],
          ...variables(Object.entries(o.config.variables)),
          ["TimeoutStartSec", seconds(waits)],
          ...hardening(o),
        ]],
        ...(target === null ? [install(o)] : []),
      ],
    ),
  };
}

function unitSection(
  o: SystemdOptions,
  description: string,
  target: string,
  before: string | undefined,
  { restart }: ServicePlan,
): Section {
  return ["Unit", [
    ["Description", description],
    ["PartOf", target],
    ...(before === undefined ? afterSound(o) : [["After", before] as [string, string]]),
    ...startLimit(restart),
  ]];
}

function serviceLines(service: ServicePlan, o: SystemdOptions): Lines {
  const { argv, workdir, restart, stopSignal, graceMs } = service;
  const { plain, secret } = environmentOf(service, { PATH: o.path, ...o.config.variables });
  return [
    ["Type", gateOf(service) === "notify" ? "notify" : "exec"],
    ...(gateOf(service) === "notify" ? [["NotifyAccess", "all"] as [string, string]] : []),
    ["WorkingDirectory", plainValue(workdir)],
    ["ExecStart", commandLine(o.resolve(argv))],
    ...gate(service, o).map((line): [string, string] => ["ExecStartPost", line]),
    ...variables([...plain, ...secret.map((name): [string, string] => [name, ""])]),
    ["TimeoutStartSec", seconds(startLimitMs(service) + spareMs)],
    ["KillSignal", stopSignal],
    ["TimeoutStopSec", seconds(graceMs)],
    ...restartLines(restart, o),
    ["OOMPolicy", "continue"],
    ...hardening(o),
  ];
}

/** Somebody else runs it: those after it wait until it is ready and warm. */
function externalLines(service: ServicePlan, o: SystemdOptions): Lines {
  const [first = "/bin/true", ...more] = gate(service, o);
  return [
    ["Type", "oneshot"],
    ["RemainAfterExit", "yes"],
    ["ExecStart", first],
    ...more.map((line): [string, string] => ["ExecStart", line]),
    ...variables(Object.entries(o.config.variables)),
    ["TimeoutStartSec", seconds(startLimitMs(service) + spareMs)],
    ...hardening(o),
  ];
}

/** Asked until it is ready, then warmed. */
function gate(service: ServicePlan, { program, choice }: SystemdOptions): string[] {
  const ask = gateOf(service) === "probe" ? [["probe", service.name, "--wait"]] : [];
  const warm = service.warmup.kind === "none" ? [] : [["warm", service.name]];
  return [...ask, ...warm].map((words) => commandLine([...program, ...words, ...choice]));
}

/** The window and how often in it; more than that, and systemd gives it up as the loader would. */
export function startLimit({ type, maxRestarts, windowMs }: RestartPolicy): Lines {
  if (type === "never" || type === "watch") return [];
  return [["StartLimitIntervalSec", seconds(windowMs)], ["StartLimitBurst", String(maxRestarts + 1)]];
}

export function restartLines(restart: RestartPolicy, o: Pick<SystemdOptions, "systemd">): Lines {
  const { type, backoff: { initialMs, factor, maxMs }, noRestartExitCodes } = restart;
  if (type === "never" || type === "watch") return [["Restart", "no"]];
  const count = factor > 1 && initialMs > 0 ? Math.round(Math.log(maxMs / initialMs) / Math.log(factor)) : 0;
  return [
    ["Restart", type],
    ["RestartSec", seconds(initialMs)],
    ...steps(o, count, maxMs),
    ...(noRestartExitCodes.length > 0
      ? [["RestartPreventExitStatus", noRestartExitCodes.join(" ")] as [string, string]]
      : []),
  ];
}

function steps({ systemd }: Pick<SystemdOptions, "systemd">, count: number, maxMs: number): Lines {
  if (systemd < 254 || count < 1) return [];
  return [["RestartSteps", String(count)], ["RestartMaxDelaySec", seconds(maxMs)]];
}

/** Values that are secrets are not written: they come from a file of their own. */
function variables(all: readonly [string, string][]): Lines {
  const secret = all.some(([name]) => isSecretName(name));
  return [
    ...all.filter(([name]) => !isSecretName(name)).map(([name, value]): [string, string] => [
      "Environment",
      unitWord(`${name}=${value}`),
    ]),
    ...(secret ? [["EnvironmentFile", `-${secretsFile}`] as [string, string]] : []),
  ];
}

function afterSound({ user }: SystemdOptions): Lines {
  return user ? [["After", "pipewire.service pipewire-pulse.service pulseaudio.service"]] : [
    ["Wants", "network-online.target"],
    ["After", "sound.target network-online.target"],
  ];
}

function install({ user }: SystemdOptions): Section {
  return ["Install", [["WantedBy", user ? "default.target" : "multi-user.target"]]];
}

/**
 * What neither a GPU, a sound card nor a just-in-time compiler minds. A user's manager cannot give a service a view of
 * its own of the file system without taking the sound card's group from it.
 */
function hardening({ user, runAs }: SystemdOptions): Lines {
  const everywhere: Lines = [
    ["UMask", "0077"],
    ["NoNewPrivileges", "yes"],
    ["LockPersonality", "yes"],
    ["RestrictSUIDSGID", "yes"],
    ["RestrictNamespaces", "yes"],
    ["RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_BLUETOOTH"],
    ["SystemCallArchitectures", "native"],
    ["SystemCallFilter", "~@clock @cpu-emulation @module @mount @obsolete @raw-io @reboot @swap"],
    ["SystemCallErrorNumber", "EPERM"],
  ];
  if (user) return everywhere;
  return [
    ["User", plainValue(runAs)],
    ...everywhere,
    ["CapabilityBoundingSet", ""],
    ["ProtectSystem", "full"],
    ["ProtectClock", "yes"],
    ["ProtectControlGroups", "yes"],
    ["ProtectHostname", "yes"],
    ["ProtectKernelLogs", "yes"],
    ["ProtectKernelModules", "yes"],
    ["ProtectKernelTunables", "yes"],
  ];
}

function usage(
  { services }: BootPlan,
  { user, config, runAs }: SystemdOptions,
  files: readonly string[],
  start: string,
): string[] {
  const control = user ? "systemctl --user" : "systemctl";
  const all = [config.variables, ...services.map(({ env }) => env)].flatMap(Object.keys);
  const secrets = [...new Set(all)].filter(isSecretName).join(", ");
  const environmentFile = `${user ? "~/.config" : "/etc"}/alexa-loader/environment`;
  return [
    `Into ${user ? "~/.config/systemd/user/" : "/etc/systemd/system/"}: ${files.join(", ")}`,
    `then ${control} daemon-reload && ${control} enable --now ${start}`,
    ...(user ? ["It starts when its user logs in; at boot, without a login: loginctl enable-linger"] : [
      `${runAs} has to be in the groups of its devices: audio, for a GPU video and render. Its folders are its own:`,
      "ask it as that user, with XDG_RUNTIME_DIR unset (alexa-loader status).",
    ]),
    ...(services.some(({ gpu }) => gpu !== "none")
      ? [
        "NoNewPrivileges keeps nvidia-modprobe from making the GPU's device files: nvidia-persistenced makes them.",
      ]
      : []),
    ...(secrets === ""
      ? []
      : [`Secrets are not written here: put ${secrets} as NAME=value into ${environmentFile}, mode 0600.`]),
  ];
}
