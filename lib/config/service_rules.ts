/** The rules within one service. Spec: §3, §6; CONTRACT §1–§5. Pure. */
import type { Environment } from "./expand.ts";
import { describeValue, dotted, type Finding, type Path, quote } from "./problem.ts";
import { isLoopback, parseHttpUrl, parseTarget } from "./address.ts";
import { mappingOf, type ProbeView, type ServiceView } from "./view.ts";

/** Errors stop the load, warnings are reported and the load goes on. */
export interface RuleFindings {
  errors: Finding[];
  warnings: Finding[];
}

/** What a service may be called: the name is also a tag, part of file names and of environment variables. */
export const serviceNamePattern = /^[a-z][a-z0-9_]*$/;
export const serviceNameMax = 32;

/** Tags of the program itself: a service of that name could not be told from it in the log. */
const reservedNames = ["main", "loader"];
/** What the loader itself passes as ALEXA_<KEY>. */
const reservedOptions = ["service", "boot_id", "bind_port", "standby"];

/** Applies the rules to one service. */
export function checkService(
  service: ServiceView,
  env: Environment,
  sourceOf: (path: readonly (string | number)[]) => string | null,
  found: RuleFindings,
): void {
  const { name, path, raw } = service;
  if (!serviceNamePattern.test(name) || name.length > serviceNameMax) {
    found.errors.push({
      path,
      at: "key",
      message: `not a usable name: ${quote(name)}`,
      wanted: `lower-case letters, digits and _, beginning with a letter, at most ${serviceNameMax} of them`,
    });
  }
  if (reservedNames.includes(name)) {
    found.errors.push({
      path,
      at: "key",
      message: `a service cannot be named ${quote(name)}: that tag in the log is the program's own`,
    });
  }
  checkManage(service, found);
  for (const probe of [...service.probes, ...service.healthProbes]) checkProbe(service, probe, env, found);
  checkWarmup(service, found);
  checkControl(service, found);
  checkBackoff(mappingOf(raw.restart).backoff, [...path, "restart", "backoff"], found);
  checkOptions(service, found);
  for (const [key, value] of Object.entries(mappingOf(raw.env))) {
    const source = typeof value === "number" ? sourceOf([...path, "env", key]) : null;
    if (source !== null && source !== String(value)) {
      found.errors.push({
        path: [...path, "env", key],
        at: "value",
        message: `env.${key}: the number ${source} would reach the service as ${value}`,
        hint: `put it in quotes: "${source}"`,
      });
    }
  }
}

function checkManage({ name, path, raw, manage, probes }: ServiceView, found: RuleFindings): void {
  if (manage === "spawn") {
    if (raw.cmd === undefined && Object.keys(raw).length > 0) {
      found.errors.push({
        path: [...path, "cmd"],
        at: "key",
        message: `"cmd" is missing in services.${name}`,
        wanted: "the command that starts it",
        hint: "a service that something else starts has `manage: external`",
      });
    }
    const command = Array.isArray(raw.cmd) ? raw.cmd[0] : undefined;
    if (typeof command === "string" && command.trim() === "") {
      found.errors.push({
        path: [...path, "cmd", 0],
        at: "value",
        message: `services.${name}.cmd begins with an empty text`,
        wanted: "the name or path of a program",
      });
    }
    return;
  }
  const external = "an external service is never started by the loader";
  if (raw.cmd !== undefined) {
    found.errors.push({
      path: [...path, "cmd"],
      at: "key",
      message: `${name} is external, but has a command`,
      hint: `${external}: remove \`cmd\`, or \`manage: external\``,
    });
  }
  if (mappingOf(raw.prepare).standby === true) {
    found.errors.push({
      path: [...path, "prepare", "standby"],
      at: "key",
      message: `${name} is external, but has a standby`,
      hint: external,
    });
  }
  for (const probe of probes) {
    if (probe.raw.type !== "log" && probe.raw.type !== "notify") continue;
    found.errors.push({
      path: [...probe.path, "type"],
      at: "value",
      message: `${name} is external: its ${
        probe.raw.type === "log" ? "output" : "READY=1"
      } never reaches the loader`,
      wanted: "tcp, http, grpc, wyoming, ollama or exec",
    });
  }
  for (const key of ["workdir", "env", "threads", "options", "stop_signal", "grace_sec", "restart"]) {
    if (raw[key] === undefined) continue;
    found.warnings.push({
      path: [...path, key],
      at: "key",
      message: `${key} has no effect on ${name}: ${external}`,
    });
  }
}

function checkProbe(
  service: ServiceView,
  { path, raw }: ProbeView,
  env: Environment,
  found: RuleFindings,
): void {
  const { name } = service;
  const hasUrl = raw.type === "http" || raw.type === "ollama";
  if (hasUrl && typeof raw.url === "string") checkUrl(raw.url, [...path, "url"], found);
  if (raw.type === "grpc" && typeof raw.target === "string") {
    const target = parseTarget(raw.target);
    if (target === null) {
      found.errors.push({
        path: [...path, "target"],
        at: "value",
        message: `${name}: not a gRPC target`,
        wanted: "host:port, such as 127.0.0.1:5003",
        found: describeValue(raw.target),
        hint: /^[a-z]+:\/\//.test(raw.target) ? "leave out the scheme" : undefined,
      });
    } else if (target.port === ollamaPort(env) || target.port === 11_434) {
      const ollama = service.raw.server === "ollama" || service.raw.backend === "ollama";
      (ollama ? found.errors : found.warnings).push({
        path: [...path, "target"],
        at: "value",
        inside: String(target.port),
        message:
          `${name}: port ${target.port} is Ollama's own, which speaks HTTP and has no gRPC health service: ` +
          "it would never become ready",
        wanted: "the gRPC port of your own service in front of Ollama",
        hint: "to wait for Ollama itself, write readiness: { type: ollama }",
      });
    }
  }
  if (raw.type === "log" && typeof raw.pattern === "string") {
    try {
      new RegExp(raw.pattern);
    } catch (error) {
      found.errors.push({
        path: [...path, "pattern"],
        at: "value",
        message: `${name}: not a regular expression: ${
          (error as Error).message.replace(/^Invalid regular expression: /, "")
        }`,
        found: describeValue(raw.pattern),
      });
    }
  }
  if (service.manage === "external" && raw.owner === "service") {
    found.errors.push({
      path: [...path, "owner"],
      at: "value",
      message: `${name} is external: the loader does not know its processes, so nobody's listener would pass`,
      wanted: `"any"`,
    });
  }
  if (
    raw.type === "tcp" && service.manage === "spawn" && raw.owner !== "any" && typeof raw.host === "string" &&
    !isLoopback(raw.host)
  ) {
    found.warnings.push({
      path: [...path, "host"],
      at: "value",
      message:
        `${name}: whether the listener on ${raw.host} is the service's own can be checked on this machine only`,
      hint: "write `owner: any` if it runs in a container or on another host",
    });
  }
}

/** Port of the Ollama that the environment names; its default otherwise. */
function ollamaPort(env: Environment): number {
  const port = /:(\d+)\/?$/.exec(env.OLLAMA_HOST ?? "")?.[1];
  return port === undefined ? 11_434 : Number(port);
}

function checkUrl(text: string, path: Finding["path"], found: RuleFindings): void {
  if (parseHttpUrl(text) !== null) return;
  found.errors.push({
    path,
    at: "value",
    message: "not an address that can be asked",
    wanted: "http://host:port/path or https://…, without a user name or password",
    found: describeValue(text),
    hint: /^[a-z]+:\/\//i.test(text) ? undefined : `write http://${text.slice(0, 60)}`,
  });
}

/** Some kinds of warm-up need an address, and there are probes that do not give one. */
function checkWarmup({ name, path, raw, probes }: ServiceView, found: RuleFindings): void {
  const warmup = mappingOf(raw.warmup);
  if (typeof warmup.url === "string") checkUrl(warmup.url, [...path, "warmup", "url"], found);
  const has = (...types: string[]) => probes.some((probe) => types.includes(String(probe.raw.type)));
  const missing = (key: string, wanted: string) =>
    found.errors.push({
      path: [...path, "warmup", key],
      at: "key",
      message: `services.${name}.warmup: nothing says where to send it`,
      wanted: `${wanted}, since the readiness of ${name} does not tell`,
    });
  const control = mappingOf(raw.control);
  switch (warmup.kind) {
    case "http":
      if (warmup.url === undefined && control.url === undefined && !has("http")) missing("url", "`url`");
      break;
    case "openai":
      if (warmup.url === undefined && !has("http")) missing("url", "`url`");
      break;
    case "wyoming":
      if (warmup.port === undefined && !has("tcp", "wyoming")) missing("port", "`port`");
      break;
    case "ollama":
      if (warmup.model === undefined && raw.model === undefined) {
        found.errors.push({
          path: [...path, "warmup", "model"],
          at: "key",
          message: `services.${name}: Ollama cannot be warmed without the name of a model`,
          wanted: "`model`, in the service or in its warm-up",
        });
      }
  }
}

function checkControl({ name, path, raw, probes }: ServiceView, found: RuleFindings): void {
  const control = mappingOf(raw.control);
  if (typeof control.url === "string") checkUrl(control.url, [...path, "control", "url"], found);
  if (
    control.kind === "http" && control.url === undefined && !probes.some((probe) => probe.raw.type === "http")
  ) {
    found.errors.push({
      path: [...path, "control", "url"],
      at: "key",
      message: `services.${name}.control: nothing says where to send the verbs`,
      wanted: `\`url\`, since the readiness of ${name} is not asked over http`,
    });
  }
  if (
    control.kind === "command" && Array.isArray(control.speak) &&
    !control.speak.some((word) => String(word).includes("{text}"))
  ) {
    found.warnings.push({
      path: [...path, "control", "speak"],
      at: "value",
      message: `${name}: control.speak has no {text}, so it cannot know what to say`,
    });
  }
}

function checkOptions({ name, path, raw }: ServiceView, found: RuleFindings): void {
  for (const key of Object.keys(mappingOf(raw.options))) {
    if (!reservedOptions.includes(key.toLowerCase())) continue;
    found.errors.push({
      path: [...path, "options", key],
      at: "key",
      message: `services.${name}.options: ALEXA_${key.toUpperCase()} is set by the loader itself`,
      hint: "choose another name",
    });
  }
}

/** The longest wait is not shorter than the first; for the loader's policy and a service's own. */
export function checkBackoff(backoff: unknown, path: Path, found: RuleFindings): void {
  const { initial_sec: initial, max_sec: max } = mappingOf(backoff);
  if (typeof initial !== "number" || typeof max !== "number" || max >= initial) return;
  found.errors.push({
    path: [...path, "max_sec"],
    at: "value",
    message: `${dotted(path)}: max_sec is less than initial_sec`,
    wanted: `at least ${initial}`,
    found: `the number ${max}`,
  });
}
