/**
 * The same plan for engines that exist: systemd, Compose, Quadlet, Kubernetes; one file each. Pure: the same configuration
 * gives the same bytes. What an engine cannot do of a plan stands in comments at the head of what is written. Spec: §2, §9.
 */
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { kindOf } from "../probes/kinds.ts";
import { isSecretName } from "../redact.ts";
import { printable } from "../text.ts";
import { version } from "../version.ts";

/** What an export needs to know beside the plan. */
export interface ExportOptions {
  /** argv that starts this program. */
  program: readonly string[];
  /** argv of a service as it really runs: the demo's are played by this program. */
  resolve(argv: readonly string[]): string[];
  /** What names the configuration to it: `["--config", path]`, `["--demo"]`. */
  choice: readonly string[];
  /** The folder of the loader, and so of the services that name none. */
  folder: string;
  /** The configuration as written, and the variables that it uses, with their values here. */
  config: { text: string; variables: Readonly<Record<string, string>> };
}

export interface ExportedFile {
  name: string;
  text: string;
}

/** How its readiness can be known to somebody who is not its loader. `none`: by a line of its output, so not at all. */
export type Gate = "probe" | "notify" | "none";

export function gateOf({ readiness }: ServicePlan): Gate {
  const heard = readiness.map((spec) => kindOf(spec).hears);
  if (heard.includes("output")) return "none";
  return heard.includes("READY=1") ? "notify" : "probe";
}

/** Names of units, projects and Pods: lower case and dashes, which all engines take. */
export const named = (...parts: string[]): string =>
  ["alexa", ...parts].join("-").toLowerCase().replaceAll("_", "-").replace(/-+$/, "");

export const seconds = (ms: number): string => `${Number((ms / 1000).toFixed(3))}s`;
/** Whole ones, at least one. */
export const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** How long from its start until it is ready and warm, ms. */
export const startLimitMs = ({ readyTimeout, warmup }: ServicePlan): number =>
  readyTimeout.value + (warmup.kind === "none" ? 0 : warmup.timeoutMs);

/** Variables, and the names of those that are secrets: what is written is read by others. */
export function splitSecrets(
  all: Readonly<Record<string, string>>,
): { plain: [string, string][]; secret: string[] } {
  const names = Object.entries(all);
  return {
    plain: names.filter(([name]) => !isSecretName(name)),
    secret: names.map(([name]) => name).filter(isSecretName),
  };
}

/** A service's own, and those that the configuration uses. */
export const environmentOf = ({ name, env }: ServicePlan, more: Readonly<Record<string, string>>) =>
  splitSecrets({ ...more, ...env, ALEXA_SERVICE: name });

/** A warning of secrets that the configuration itself has, where all of it is passed on. */
export function writtenSecrets({ services }: BootPlan, { config: { text } }: ExportOptions): string[] {
  const found = services.flatMap(({ env }) =>
    Object.entries(env).filter(([name, value]) => isSecretName(name) && value !== "" && text.includes(value))
      .map(([name]) => name)
  );
  const names = [...new Set(found)];
  return names.length === 0 ? [] : [
    `Careful: the configuration has the value of ${
      names.join(", ")
    }, so it is below, too. Write \${NAME} there instead.`,
  ];
}

/** The comment at the head of what is written: whence it comes, how it is used, and what it cannot carry over. */
export function head(plan: BootPlan, use: readonly string[], lost: readonly string[]): string {
  const lines = [
    `Written by alexa-loader ${version} from ${plan.configPath}; write it anew when that changes.`,
    ...use,
    ...(lost.length === 0 ? [] : ["", "What this cannot carry over:", ...lost.map((line) => `- ${line}`)]),
  ];
  return lines.map((line) => `# ${printable(line)}`.trimEnd() + "\n").join("");
}

/** What no other engine does of this plan. */
export function lostEverywhere(plan: BootPlan): string[] {
  const { services } = plan;
  const names = (of: readonly ServicePlan[]) => of.map(({ name }) => name).join(", ");
  const standby = services.filter(({ prepare }) => prepare.standby);
  const unheard = services.filter((service) => gateOf(service) === "none");
  const reversed = services.map(({ name }) => name).toReversed();
  return [
    "DEGRADED told by capability, `status`, the boot history and learned timeouts: they are the loader's.",
    ...(plan.prewarm.enabled
      ? ["Model files of the next service into the page cache while one starts."]
      : []),
    ...(standby.length > 0 ? [`Standby ahead of its turn: ${names(standby)}.`] : []),
    "Whose listener it is that answers: whoever has the port is believed.",
    "Busy is not dead: a health check without an answer counts, however busy the service is.",
    ...(services.some(({ gpu }) => gpu !== "none")
      ? ["Admission by free GPU memory, and the proof that a model is on the GPU."]
      : []),
    ...(plan.stopOrder.join() === reversed.join()
      ? []
      : [`The stop order (${plan.stopOrder.join(", ")}): the last one that started is stopped first.`]),
    ...unheard.map(({ name }) =>
      `Readiness of ${name} by a line of its output: the next one does not wait for it.`
    ),
  ];
}
