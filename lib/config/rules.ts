/**
 * What must hold between the keys. The rules look at the data as written, so that they also run, and report, when
 * the schema has complaints about other places: all problems at once. Spec: §2–§4; CONTRACT §1–§5. Pure.
 */
import { isRecord, recordOf } from "../shape.ts";
import { isLoopback, isOnlyLoopback, parseTarget } from "../address.ts";
import type { Verb } from "../controls/kind.ts";
import { offers } from "../controls/kinds.ts";
import { nearest } from "../did_you_mean.ts";
import type { Environment, Finding, Path, RuleFindings, ServiceView } from "../model/written.ts";
import { portOf } from "../probes/kinds.ts";
import { quote } from "../text.ts";
import { expand } from "./expand.ts";
import { checkBackoff, checkService } from "./service_rules.ts";
import { viewOf } from "./view.ts";

/** Applies every rule. `sourceOf` gives a value's text as written. */
export function checkRules(
  data: Record<string, unknown>,
  env: Environment,
  sourceOf: (path: Path) => string | null,
): RuleFindings {
  const found: RuleFindings = { errors: [], warnings: [] };
  const { loader, services } = viewOf(data);
  const byName = new Map(services.map((service) => [service.name, service]));
  if (isRecord(data.services) && services.length === 0) {
    found.errors.push({
      path: ["services"],
      at: "key",
      message: "there is no service",
      wanted: "at least one service",
      hint: "`alexa-loader init` writes a commented starter configuration",
    });
  }
  // Without any service every name in the file would only repeat that.
  if (services.length > 0) {
    checkSequences(loader, byName, found);
    checkTimeouts(loader.timeouts, byName, found);
    checkHygiene(loader.port_hygiene, byName, found);
  }
  checkReadinessPorts(services, found);
  checkRoles(services, found);
  checkVoice(recordOf(loader.post_boot_greeting), services, found);
  checkReceivers(loader.notify, found);
  checkLimits(loader, found);
  checkFolders(loader, env, found);
  checkListen("dashboard", recordOf(loader.dashboard).listen, found);
  checkControl(recordOf(loader.control), found);
  checkRoom(recordOf(loader.selftest).room, found);
  for (const service of services) checkService(service, env, sourceOf, found);
  return found;
}

/** Whoever can hear the network reads a token that goes over it without TLS. */
function checkControl(control: Record<string, unknown>, found: RuleFindings): void {
  const { listen, cert_file, key_file } = control;
  checkListen("control", listen, found);
  const at = typeof listen === "string" ? parseTarget(listen) : null;
  const whole = cert_file !== undefined && key_file !== undefined;
  const nearby = at !== null && isOnlyLoopback(at.host) && cert_file === undefined && key_file === undefined;
  if (at === null || whole || nearby) return;
  found.errors.push({
    path: ["loader", "control", "listen"],
    at: "value",
    message: "control.listen can be reached by other machines, or has half of its TLS",
    wanted: "both control.cert_file and control.key_file; neither only on 127.0.0.1 or [::1], behind a proxy",
  });
}

function checkListen(key: string, listen: unknown, found: RuleFindings): void {
  if (typeof listen !== "string" || parseTarget(listen)) return;
  found.errors.push({
    path: ["loader", key, "listen"],
    at: "value",
    message: "no address that can be listened at",
    wanted: "address:port, as 127.0.0.1:5080 or [::1]:5080",
    found: quote(listen),
  });
}

function checkRoom(room: unknown, found: RuleFindings): void {
  if (typeof room !== "string" || parseTarget(room)) return;
  found.errors.push({
    path: ["loader", "selftest", "room"],
    at: "value",
    message: "not the address of a room",
    wanted: "host:port, as 127.0.0.1:5006",
    found: quote(room),
  });
}

function checkSequences(
  loader: Record<string, unknown>,
  services: Map<string, ServiceView>,
  found: RuleFindings,
): void {
  const absent = new Map<string, string[]>();
  for (const key of ["startup_sequence", "shutdown_sequence"]) {
    const sequence = loader[key];
    if (!Array.isArray(sequence)) continue;
    const seen = new Set<unknown>();
    sequence.forEach((name, i) => {
      if (typeof name !== "string") return;
      const at = { path: ["loader", key, i], at: "value" } as const;
      if (!services.has(name)) {
        const message = `${key} names ${quote(name)}, which is not a service`;
        found.errors.push({ ...at, message, ...knownServices(name, services) });
      } else if (seen.has(name)) {
        found.errors.push({
          ...at,
          message: `${key} names ${quote(name)} twice`,
          wanted: "every service exactly once",
        });
      }
      seen.add(name);
    });
    for (const name of services.keys()) {
      if (!seen.has(name)) absent.set(name, [...absent.get(name) ?? [], `loader.${key}`]);
    }
  }
  for (const [name, sequences] of absent) {
    const where = sequences.join(" and ");
    found.errors.push({
      path: ["services", name],
      at: "key",
      message: `the service ${quote(name)} is not in ${where}`,
      wanted: "every service exactly once in each sequence",
      hint: `add it to ${where}, or remove the service`,
    });
  }
}

function knownServices(name: string, services: Map<string, ServiceView>): Partial<Finding> {
  const near = nearest(name, services.keys());
  return {
    wanted: services.size > 0 ? `one of ${[...services.keys()].join(", ")}` : undefined,
    hint: near !== null ? `did you mean ${quote(near)}?` : undefined,
  };
}

function checkTimeouts(value: unknown, services: Map<string, ServiceView>, found: RuleFindings): void {
  if (!isRecord(value)) return;
  const valid = [...services.keys()].map((name) => `${name}_ready_sec`);
  for (const key of Object.keys(value)) {
    if (valid.includes(key)) continue;
    const near = nearest(key, valid);
    const service = /^(.+)_ready_sec$/.exec(key)?.[1];
    found.errors.push({
      path: ["loader", "timeouts", key],
      at: "key",
      message: service === undefined
        ? `unknown key ${quote(key)} in loader.timeouts`
        : `loader.timeouts names ${quote(service)}, which is not a service`,
      wanted: valid.length > 0 ? `one of ${valid.join(", ")}` : "<service>_ready_sec",
      hint: near !== null ? `did you mean ${quote(near)}?` : undefined,
    });
  }
}

function checkHygiene(value: unknown, services: Map<string, ServiceView>, found: RuleFindings): void {
  if (!isRecord(value) || !isRecord(value.ports)) return;
  const owners = new Map<unknown, string>();
  for (const [name, port] of Object.entries(value.ports)) {
    const path = ["loader", "port_hygiene", "ports", name];
    const service = services.get(name);
    if (!service) {
      found.errors.push({
        path,
        at: "key",
        message: `port_hygiene.ports names ${quote(name)}, which is not a service`,
        ...knownServices(name, services),
      });
      continue;
    }
    if (!Number.isInteger(port)) continue;
    const owner = owners.get(port);
    if (owner !== undefined) {
      found.errors.push({
        path,
        at: "value",
        message: `port ${port} is given to both ${owner} and ${name}`,
        wanted: "a port of its own for each service",
      });
    }
    owners.set(port, owner ?? name);
    if (service.manage === "external") {
      found.warnings.push({
        path,
        at: "key",
        message: `port_hygiene.ports has no effect on ${name}: an external service's port is left alone`,
      });
      continue;
    }
    const probe = service.probes.find((candidate) => portOf(candidate.raw) !== null);
    const ready = probe && portOf(probe.raw)!;
    if (ready && ready.port !== port) {
      found.warnings.push({
        path,
        at: "value",
        message: `${name}: port_hygiene has port ${port}, but its readiness is asked on port ${ready.port}`,
        hint: `if ${name} listens on ${ready.port}, write \`${name}: ${ready.port}\``,
      });
    }
  }
}

/** The runtime grants /dev, its RAM disk included, to nobody who has not everything. */
function checkFolders(loader: Record<string, unknown>, env: Environment, found: RuleFindings): void {
  for (const key of ["state_dir", "log_dir"]) {
    const value = loader[key];
    const expanded = typeof value === "string" ? expand(value, env) : null;
    if (!expanded?.ok || !/^\/dev(\/|$)/.test(expanded.text)) continue;
    found.errors.push({
      path: ["loader", key],
      at: "value",
      message: `${key} is ${quote(expanded.text)}, and the program cannot write under /dev`,
      wanted: "a folder elsewhere",
      hint: "a folder in memory may be mounted anywhere: `mount -t tmpfs none FOLDER`",
    });
  }
}

/** Two processes of ours cannot listen on one port; a second, external service may well be the same server. */
function checkReadinessPorts(services: readonly ServiceView[], found: RuleFindings): void {
  const owners = new Map<string, string>();
  for (const service of services) {
    if (service.manage === "external") continue;
    for (const probe of service.probes) {
      const target = portOf(probe.raw);
      if (target === null) continue;
      const key = `${isLoopback(target.host) ? "localhost" : target.host}:${target.port}`;
      const owner = owners.get(key);
      if (owner !== undefined && owner !== service.name) {
        found.errors.push({
          path: [...probe.path, target.key],
          at: "value",
          inside: String(target.port),
          message: `port ${target.port}: readiness of both ${owner} and ${service.name} is asked there`,
          wanted: "a port of its own for each service",
          hint: "if one server plays both parts, set `manage: external` for the second",
        });
      }
      owners.set(key, owner ?? service.name);
    }
  }
}

function checkRoles(services: readonly ServiceView[], found: RuleFindings): void {
  for (const role of ["kwd", "tts"]) {
    const [first, ...more] = services.filter((service) => service.role === role);
    for (const service of more) {
      found.errors.push({
        path: "role" in service.raw ? [...service.path, "role"] : service.path,
        at: "role" in service.raw ? "value" : "key",
        message: `both ${first!.name} and ${service.name} have the role ${role}`,
        wanted: `one service with the role ${role}`,
        hint: "give one of them `role: other`",
      });
    }
  }
}

/** Whoever cannot be asked for their part in the greeting: better known now than when it should be spoken. */
function checkVoice(
  greeting: Record<string, unknown>,
  services: readonly ServiceView[],
  found: RuleFindings,
): void {
  const tts = services.find((service) => service.role === "tts");
  const kwd = services.find((service) => service.role === "kwd");
  if (greeting.enabled === false || !tts || !kwd) return;
  const warn = (service: ServiceView, message: string, off: string) =>
    found.warnings.push({
      path: "control" in service.raw ? [...service.path, "control"] : service.path,
      at: "key",
      message: `${service.name} ${message}`,
      hint: `set services.${service.name}.control, or loader.post_boot_greeting.${off}: false`,
    });
  if (!canBeAsked(tts, "speak")) {
    warn(tts, "has no way to be asked to speak: no greeting is spoken", "enabled");
  } else if (greeting.kwd_pause_during_tts !== false && !canBeAsked(kwd, "pause")) {
    warn(kwd, "has no way to be paused: it listens while the greeting is spoken", "kwd_pause_during_tts");
  }
}

/** Without a control of its own it is asked where its readiness is, over HTTP. */
function canBeAsked({ control, probes }: ServiceView, verb: Verb): boolean {
  if (control.kind === undefined) return probes.some((probe) => probe.raw.type === "http");
  return offers(control, verb);
}

const receiverKinds = ["ntfy", "webhook", "exec", "dead_man"];

function checkReceivers(notify: unknown, found: RuleFindings): void {
  if (!Array.isArray(notify)) return;
  notify.forEach((receiver, i) => {
    if (!isRecord(receiver)) return;
    const kinds = receiverKinds.filter((kind) => kind in receiver);
    if (kinds.length === 1) return;
    found.errors.push({
      path: ["loader", "notify", i],
      at: "value",
      message: kinds.length === 0
        ? "this entry names nobody to tell"
        : `this entry is ${kinds.join(" and ")} at once`,
      wanted: `one of ${receiverKinds.join(", ")}`,
      hint: "an entry of the list for each",
    });
  });
}

function checkLimits(loader: Record<string, unknown>, found: RuleFindings): void {
  const stop = loader.graceful_shutdown;
  if (isRecord(stop) && isLess(stop.kill_after_sec, stop.per_service_grace_sec)) {
    found.warnings.push({
      path: ["loader", "graceful_shutdown", "kill_after_sec"],
      at: "value",
      message: `kill_after_sec (${stop.kill_after_sec}) ends the shutdown before per_service_grace_sec ` +
        `(${stop.per_service_grace_sec}) of even one service`,
    });
  }
  const policy = loader.restart_policy;
  if (isRecord(policy)) checkBackoff(policy.backoff, ["loader", "restart_policy", "backoff"], found);
}

function isLess(a: unknown, b: unknown): boolean {
  return typeof a === "number" && typeof b === "number" && a < b;
}
