/** The boot plan as text for people: `plan`, and the resolved configuration for `check`. Spec: §2, §9. Pure. */
import { stringify } from "yaml";
import type { LoadedConfig } from "../config/load.ts";
import { describeControl, offers } from "../controls/kinds.ts";
import type { BootPlan, Link, ServicePlan, WarmupSpec } from "../model/plan.ts";
import { describeProbe } from "../probes/kinds.ts";
import { shellWord } from "../text.ts";
import { describeWarmup } from "../warmups/kinds.ts";

/** Everything that will happen, in the order in which it will. Ends without a newline. */
export function renderPlan(plan: BootPlan): string {
  const parts = [
    `Boot plan of ${plan.configPath} (instance ${plan.instance})`,
    section("Boot order: each starts when the one before is ready and warm", bootOrder(plan)),
    ...plan.services.map((service, i) =>
      section(`${i + 1}. ${service.name}`, serviceLines(plan, service, i))
    ),
    section("When all are ready and warm", greetingLines(plan)),
    section("Stop", stopLines(plan)),
    section("Machine", machineLines(plan)),
  ];
  if (plan.warnings.length > 0) parts.push(section("Warnings", plan.warnings));
  return parts.join("\n\n");
}

/** The answer of `check`: with `all` the configuration with every default filled in; what is odd; at the end the verdict. */
export function renderCheck(loaded: LoadedConfig, plan: BootPlan, o: { all?: boolean } = {}): string {
  const odd = [
    ...plan.warnings,
    ...plan.services.flatMap(({ name, warmup }) =>
      warmup.kind === "none" && warmup.warn ? [`${name}: no warm-up: ${warmup.why}`] : []
    ),
  ];
  const count = odd.length === 0 ? "" : odd.length === 1 ? ", 1 warning" : `, ${odd.length} warnings`;
  const { length } = plan.services;
  const services = length === 1 ? "1 service" : `${length} services`;
  return [
    ...(o.all ? [stringify(withoutSecrets(loaded.config), { lineWidth: 0 }).trimEnd()] : []),
    ...(odd.length > 0 ? [odd.map((line) => `WARNING ${line}`).join("\n")] : []),
    `configuration ok: ${loaded.path}, ${services}${count}`,
  ].join("\n\n");
}

/** What both views print is pasted into reports: keys and passwords stay out of it. */
function shown<T>(variable: string, value: T): T | string {
  return /(^|_)(key|token|secret|password|passwd|credentials?)$/i.test(variable) ? "***" : value;
}

function withoutSecrets(config: LoadedConfig["config"]): unknown {
  const services = Object.entries(config.services).map(([name, service]) => {
    const env = Object.entries(service.env).map(([key, value]) => [key, shown(key, value)]);
    return [name, { ...service, env: Object.fromEntries(env) }];
  });
  return { ...config, services: Object.fromEntries(services) };
}

function bootOrder(plan: BootPlan): string[] {
  const rows = plan.services.map((service, i) => [
    `${i + 1}`,
    service.name,
    service.role,
    service.bindPort === null ? "-" : String(service.bindPort),
    service.readiness.map(describeProbe).join(" and "),
    seconds(service.readyTimeout.value),
    describeWarmup(service.warmup),
  ]);
  return table([["", "service", "role", "port", "ready when", "within", "warmed by"], ...rows]);
}

function serviceLines(plan: BootPlan, service: ServicePlan, index: number): string[] {
  const { restart, health } = service;
  const tuned = Object.entries(service.env).map(([key, value]) => `${key}=${shown(key, value)}`);
  return fields([
    [
      "command",
      service.manage === "external"
        ? "external: never started or stopped"
        : service.argv.map(shellWord).join(" "),
    ],
    ["folder", service.manage === "external" ? "" : service.workdir],
    ["environment", tuned.join("\n")],
    ["prepare", prepareText(plan, service, index)],
    ["ready when", service.readiness.map(describeProbe).join("\n")],
    ["reached", service.link ? linkText(service.link) : ""],
    ["timeout", `${seconds(service.readyTimeout.value)} (${service.readyTimeout.from})`],
    ["warm-up", `${describeWarmup(service.warmup)}${warmupLimits(service.warmup)}`],
    [
      "health",
      `${
        health.probes.length === 0 ? "the process lives" : health.probes.map(describeProbe).join(" and ")
      }, every ${seconds(health.intervalMs)}, ${health.failures} failures in a row${
        health.busy.cpu ? `, busy up to ${seconds(health.busy.limitMs)} is forgiven` : ""
      }`,
    ],
    ["restart", service.manage === "external" ? "" : restartText(restart)],
    [
      "stop",
      service.manage === "external" ? "" : `${service.stopSignal}, SIGKILL after ${seconds(service.graceMs)}`,
    ],
    [
      "GPU",
      service.gpu === "none"
        ? ""
        : `${service.gpu}${service.vramMb === null ? "" : `, ${service.vramMb} MiB`}`,
    ],
    ["control", service.role === "kwd" || service.role === "tts" ? describeControl(service.control) : ""],
  ]);
}

/** "over TLS (authority /etc/ca.pem), with the token of /etc/token, a connection within 1.5 s". */
function linkText({ tls, token, connectMs }: Link): string {
  const { caFile, certFile, serverName } = tls ?? {};
  const how = [
    ...caFile === undefined ? [] : [`authority ${caFile}`],
    ...certFile === undefined ? [] : [`our certificate ${certFile}`],
    ...serverName === undefined ? [] : [`its name ${serverName}`],
  ];
  return [
    ...tls ? [`over TLS${how.length > 0 ? ` (${how.join(", ")})` : ""}`] : [],
    ...token ? [`with the token of ${"file" in token ? token.file : `$${token.env}`}`] : [],
    `a connection within ${seconds(connectMs)}`,
  ].join(", ");
}

function prepareText(plan: BootPlan, { prepare, manage }: ServicePlan, index: number): string {
  const does = [
    plan.prewarm.files && prepare.files ? "model files" : "",
    plan.prewarm.tokenizers && prepare.tokenizers ? "tokenizer files" : "",
    prepare.standby && manage === "spawn" ? "standby process" : "",
  ].filter((what) => what !== "");
  if (!plan.prewarm.enabled || does.length === 0) return "";
  const earlier = index > 0 && plan.services[Math.max(0, index - plan.lookahead)];
  const when = earlier ? `while ${earlier.name} starts` : "at once";
  return `${does.join(", ")} ${when}`;
}

function restartText(restart: ServicePlan["restart"]): string {
  if (restart.type === "never") return "never";
  const { initialMs, factor, maxMs } = restart.backoff;
  const not = restart.noRestartExitCodes.length > 0
    ? `, not after exit ${restart.noRestartExitCodes.join(", ")}`
    : "";
  return `${restart.type}, ${restart.maxRestarts} time${restart.maxRestarts === 1 ? "" : "s"} in ${
    seconds(restart.windowMs)
  }, after ${seconds(initialMs)} x ${factor}, at most ${seconds(maxMs)}${not}`;
}

function greetingLines({ greeting, services }: BootPlan): string[] {
  const kwd = services.find(({ role }) => role === "kwd");
  const tts = services.find(({ role }) => role === "tts");
  if (!kwd) return ["No greeting and no wake word: no service has the role kwd."];
  if (!greeting.enabled || !tts || !offers(tts.control, "speak")) {
    const why = !greeting.enabled
      ? ""
      : tts
      ? `: ${tts.name} has no control`
      : ": no service has the role tts";
    return [`No greeting${why}; wake-word listening is enabled at once.`];
  }
  const pause = !greeting.pauseDuringTts
    ? "listens while it speaks"
    : offers(kwd.control, "pause")
    ? "paused while it speaks"
    : "listens while it speaks, since it cannot be paused";
  return fields([
    ["greeting", JSON.stringify(greeting.text)],
    ["wake word", pause],
    ["listening", `${greeting.resumeAfterMs + greeting.outputLatencyMs} ms after it ends`],
    ["watchdog", `${seconds(Math.max(greeting.timeoutMs, 2000))}; a warning from ${greeting.budgetMs} ms on`],
  ]);
}

function stopLines(plan: BootPlan): string[] {
  return fields([
    ["order", plan.stopOrder.join(", ")],
    ["budget", `${seconds(plan.shutdown.budgetMs)}, then everything left is killed`],
    ["loader killed", plan.onLoaderDeath === "stop" ? "services are stopped" : "services go on"],
  ]);
}

function machineLines(plan: BootPlan): string[] {
  const { hygiene } = plan;
  const kills = { own: "proven leftovers", any: "whoever holds a port", none: "nobody" }[hygiene.killOrphans];
  return fields([
    ["clean start", hygiene.enabled ? `kills ${kills}` : "off: busy ports are errors"],
    ["ports", Object.entries(hygiene.ports).map(([name, port]) => `${name} ${port}`).join(", ")],
    ["sockets", hygiene.unixSockets.join("\n")],
    ["PID files", hygiene.pidFiles.join("\n")],
    ["GPU", `index ${plan.gpu.index}, looked at every ${seconds(plan.gpu.pollMs)}`],
    ["polling", `readiness at least every ${plan.pollMaxMs} ms`],
    ["state", plan.dirs.state],
    ["logs", plan.dirs.log],
    ["runtime", plan.dirs.runtime],
  ]);
}

function warmupLimits(warmup: WarmupSpec): string {
  if (warmup.kind === "none") return "";
  const runs = warmup.runs === 1 ? "" : `, ${warmup.runs} times`;
  return `${runs}, within ${seconds(warmup.timeoutMs)}${warmup.required ? "" : ", not required"}`;
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(3))} s`;
}

function section(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** `name  value` lines with the values in one column; a value of several lines goes on below itself; empty ones are left out. */
function fields(entries: readonly (readonly [name: string, value: string])[]): string[] {
  const present = entries.filter(([, value]) => value !== "");
  const width = Math.max(...present.map(([name]) => name.length));
  return present.flatMap(([name, value]) =>
    value.split("\n").map((line, i) => `${(i === 0 ? name : "").padEnd(width)}  ${line}`)
  );
}

/** Columns as wide as their widest cell; the last one is left ragged. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, text] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, text.length);
    }
  }
  return rows.map((row) =>
    row.map((text, column) => column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0)).join("  ")
      .trimEnd()
  );
}
