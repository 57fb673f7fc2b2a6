/** What the container engines have in common: our program and the configuration in somebody else's container. Pure. */
import { LoaderError } from "../errors.ts";
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { type ExportOptions, gateOf } from "./mod.ts";

export type Contained = ServicePlan & { image: string };

/** Model files, kept between containers. */
export const models = { volume: "alexa-models", path: "/models" };
/** The program unpacks itself there, and keeps its marks; gone with the container, or with its Pod. */
export const scratch = "/run/alexa";
export const programPath = "/opt/alexa-loader";
const configPath = "/etc/alexa-loader/loader.yaml";

/** The services that a container engine runs. @throws LoaderError `usage` for those that have no image. */
export function contained(plan: BootPlan, engine: string): Contained[] {
  const own = plan.services.filter(({ manage }) => manage === "spawn");
  const without = own.filter(({ image }) => image === undefined).map(({ name }) => name);
  if (without.length > 0) {
    throw new LoaderError("usage", `export ${engine}: no image is known for ${without.join(", ")}`, {
      hint: `write \`image: …\` into services.${without[0]}: the container image that has its cmd`,
    });
  }
  if (own.length === 0) throw new LoaderError("usage", `export ${engine}: every service is external`);
  return own as Contained[];
}

/** Where the configuration lies in the container; null where none is needed. */
export const containerConfig = ({ choice }: ExportOptions): string | null =>
  choice.includes("--config") ? configPath : null;

/** argv of our program in the container of `who`, whatever user and folders that has. */
export function inContainer(
  o: ExportOptions,
  who: string,
  words: readonly string[],
  program = programPath,
): string[] {
  const folders = [`XDG_RUNTIME_DIR=${scratch}`, `XDG_CACHE_HOME=${scratch}/cache-${who}`];
  const choice = containerConfig(o) === null ? o.choice : ["--config", configPath];
  return ["env", ...folders, program, ...words, ...choice];
}

/** Compose and Kubernetes put variables in the place of a `$`. */
export const literal = (text: string): string => text.replaceAll("$", "$$$$");

/** What these engines lack of the plan beside what all lack. */
export function lostInContainers({ services }: BootPlan, heardNotify: boolean): string[] {
  return services.flatMap((service) => {
    const { name, manage, gpu } = service;
    if (manage === "external") {
      return [`The order with ${name}, which somebody else runs: nothing waits for it but the greeting.`];
    }
    return [
      ...(gpu === "optional" ? [`${name} would do without a GPU; here it does not start without one.`] : []),
      ...(!heardNotify && gateOf(service) === "notify"
        ? [`READY=1 of ${name} is heard by nobody: the next one does not wait for it.`]
        : []),
    ];
  });
}
