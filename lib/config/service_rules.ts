/** The rules within one service. Spec: §3, §6; CONTRACT §1–§5. Pure. */
import { recordOf } from "../shape.ts";
import { checkUrl, isLoopback } from "../address.ts";
import { controlNamed } from "../controls/kinds.ts";
import type { Environment, Path, ProbeView, RuleFindings, ServiceView } from "../model/written.ts";
import { kindOfWritten, probeKinds } from "../probes/kinds.ts";
import { quote } from "../text.ts";
import { choiceOf } from "../warmups/kinds.ts";
import { dotted } from "./problem.ts";

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
  checkUrl(service.warmup.url, [...path, "warmup", "url"], found);
  choiceOf(service.warmup.kind)?.rules?.(service.warmup, service, found);
  checkUrl(service.control.url, [...path, "control", "url"], found);
  controlNamed(service.control.kind)?.rules?.(service.control, service, found);
  checkBackoff(recordOf(raw.restart).backoff, [...path, "restart", "backoff"], found);
  checkOptions(service, found);
  checkLink(service, found);
  for (const [key, value] of Object.entries(recordOf(raw.env))) {
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
  if (recordOf(raw.prepare).standby === true) {
    found.errors.push({
      path: [...path, "prepare", "standby"],
      at: "key",
      message: `${name} is external, but has a standby`,
      hint: external,
    });
  }
  for (const probe of probes) {
    const hears = kindOfWritten(probe.raw)?.hears;
    if (hears === undefined) continue;
    found.errors.push({
      path: [...probe.path, "type"],
      at: "value",
      message: `${name} is external: its ${hears} never reaches the loader`,
      wanted: listed(probeKinds.filter((kind) => kind.hears === undefined).map(({ type }) => type)),
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

function checkProbe(service: ServiceView, probe: ProbeView, env: Environment, found: RuleFindings): void {
  kindOfWritten(probe.raw)?.rules?.(probe, { service, env }, found);
  if (service.manage === "external" && probe.raw.owner === "service") {
    found.errors.push({
      path: [...probe.path, "owner"],
      at: "value",
      message:
        `${service.name} is external: the loader does not know its processes, so nobody's listener would pass`,
      wanted: `"any"`,
    });
  }
}

/** How it is reached: what belongs together, and what would do nothing. */
function checkLink(
  { name, path, raw, manage, probes, healthProbes, warmup, control }: ServiceView,
  found: RuleFindings,
): void {
  const tls = recordOf(raw.tls);
  const error = (at: Path, message: string, hint: string) =>
    found.errors.push({ path: [...path, ...at], at: "key", message: `${name}: ${message}`, hint });
  const warning = (at: Path, message: string, hint: string) =>
    found.warnings.push({ path: [...path, ...at], at: "key", message: `${name}: ${message}`, hint });
  for (const [one, other] of [["cert_file", "key_file"], ["key_file", "cert_file"]] as const) {
    if (tls[one] === undefined || tls[other] !== undefined) continue;
    error(
      ["tls", one],
      `${one} without ${other}`,
      "a certificate of ours is of use with its key only: name both",
    );
  }
  if (tls.cert_file !== undefined && tls.server_name !== undefined) {
    error(
      ["tls", "server_name"],
      "server_name does not go with cert_file",
      "write the name of its certificate as the host; an entry of /etc/hosts leads it anywhere",
    );
  }
  if (raw.wake_on_lan !== undefined && manage === "spawn") {
    warning(["wake_on_lan"], "wake_on_lan has no effect on what runs here", "it is for `manage: external`");
  }
  const elsewhere = recordOf(raw.elsewhere);
  checkUrl(elsewhere.url, [...path, "elsewhere", "url"], found);
  if (raw.elsewhere !== undefined && manage === "spawn") {
    warning(["elsewhere"], "elsewhere has no effect on what runs here", "it is for `manage: external`");
  }
  const token = (["token_file", "token_env"] as const).filter((key) => raw[key] !== undefined);
  if (token.length === 2) {
    error(["token_env"], "both token_file and token_env", "name one place for the token");
  }
  const urls = [...probes, ...healthProbes].map((probe) => probe.raw.url).concat(warmup.url, control.url)
    .filter((url) => typeof url === "string");
  const plain = urls.find((url) => url.startsWith("http:"));
  if (plain !== undefined && raw.tls !== undefined) {
    warning(["tls"], `${quote(plain)} stays without TLS`, "write https:// for it");
  } else if (plain !== undefined && token[0] && !isLoopback(URL.parse(plain)?.hostname ?? "")) {
    warning(
      [token[0]],
      "whoever is on the way reads the token, which goes out without TLS",
      "write https:// for it",
    );
  }
  const carries = urls.length > 0 ||
    probes.some((probe) => ["grpc", "http", "ollama"].includes(String(probe.raw.type)));
  if (token[0] && !carries) {
    warning(
      [token[0]],
      "nothing of it is asked over HTTP or gRPC, so nothing carries the token",
      "leave it out",
    );
  }
}

function checkOptions({ name, path, raw }: ServiceView, found: RuleFindings): void {
  for (const key of Object.keys(recordOf(raw.options))) {
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
  const { initial_sec: initial, max_sec: max } = recordOf(backoff);
  if (typeof initial !== "number" || typeof max !== "number" || max >= initial) return;
  found.errors.push({
    path: [...path, "max_sec"],
    at: "value",
    message: `${dotted(path)}: max_sec is less than initial_sec`,
    wanted: `at least ${initial}`,
    found: `the number ${max}`,
  });
}

/** "tcp, http or exec" */
function listed(words: readonly string[]): string {
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
