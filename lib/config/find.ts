/** Which file is the configuration, and what is in it. Spec: §3. */
import { LoaderError } from "../errors.ts";
import { readTextFile, type TextFile } from "../sys/files/text_file.ts";
import type { Environment } from "../model/written.ts";

const hint = "`alexa-loader init` writes a starter configuration, `alexa-loader demo` needs none";

/** The text of the configuration file. @throws LoaderError `config_unreadable` */
export function readConfig(path: string): string {
  const file = readTextFile(path);
  if (file.ok) return file.text;
  throw new LoaderError("config_unreadable", `cannot read ${path}: ${reasons[file.reason]}`, { hint });
}

const reasons: Record<Exclude<TextFile, { ok: true }>["reason"], string> = {
  not_found: "there is no such file",
  no_permission: "this user may not read it",
  closed: "the program has no access to /dev, /proc and /sys: put it elsewhere",
  directory: "it is a folder",
  not_a_file: "it is not a regular file",
  too_large: "it is larger than 4 MiB",
  not_text: "it is not UTF-8 text",
  failed: "reading failed",
};

/** The places where a configuration is looked for, in this order. */
export function configPlaces(cwd: string, env: Environment): string[] {
  const base = env.XDG_CONFIG_HOME?.startsWith("/")
    ? env.XDG_CONFIG_HOME
    : env.HOME
    ? `${env.HOME}/.config`
    : null;
  const places = [`${cwd.replace(/\/$/, "")}/config/loader.yaml`];
  if (base !== null) places.push(`${base}/alexa-loader/loader.yaml`);
  return places;
}

/**
 * The configuration's path: the explicit one, else the first place where there is a file.
 * Throws LoaderError `config_unreadable` that lists the places looked at. A file that is there but cannot be read is
 * chosen too, so that the user hears about it instead of getting another one.
 */
export function findConfig(explicit: string | null, cwd: string, env: Environment): string {
  if (explicit !== null) return explicit;
  const places = configPlaces(cwd, env);
  for (const place of places) {
    const file = readTextFile(place);
    if (file.ok || file.reason !== "not_found") return place;
  }
  throw new LoaderError("config_unreadable", `there is no configuration; looked at ${places.join(" and ")}`, {
    hint: `name it with --config; ${hint}`,
  });
}
