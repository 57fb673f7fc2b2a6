/**
 * The last valid reading of a configuration, so that a boot need not load the YAML parser and the schema before its
 * first service (some 40 ms). It counts only for exactly the same program, path, text and environment. Spec: §9.
 */
import { probeKinds } from "../probes/kinds.ts";
import { isOwnFile, makePrivateDir, readSmallFile, writeAtomically } from "../sys/files/files.ts";
import type { Environment } from "../model/written.ts";
import type { LoadedConfig } from "./load.ts";

interface Cached {
  key: string;
  loaded: Omit<LoadedConfig, "given" | "text" | "path"> & { given: string[] };
}

const largest = 8 << 20;

/** Where a configuration's last reading lies, and what it must match. */
export class ConfigCache {
  #dir: string;
  #path: string;
  #key: string;
  #source: { text: string; path: string };

  /** @param build what identifies the program to the commit; another one may read the same text otherwise. */
  constructor(o: { dir: string; name: string; build: string; path: string; text: string; env: Environment }) {
    this.#dir = o.dir;
    this.#path = `${o.dir}/config-${o.name}.json`;
    this.#source = { text: o.text, path: o.path };
    this.#key = JSON.stringify([o.build, o.path, referenced(o.text, o.env), o.text]);
  }

  /** The cached reading; null when there is none that fits. Another user's file is none. */
  read(): LoadedConfig | null {
    if (!isOwnFile(this.#path)) return null;
    const text = readSmallFile(this.#path, largest);
    if (text === null) return null;
    try {
      const { key, loaded } = JSON.parse(text) as Cached;
      if (key !== this.#key) return null;
      return { ...loaded, ...this.#source, given: new Set(loaded.given) };
    } catch {
      return null;
    }
  }

  /** Keeps a reading. What cannot be written is read anew the next time. */
  write({ config, warnings, given }: LoadedConfig): void {
    try {
      makePrivateDir(this.#dir);
      const cached: Cached = { key: this.#key, loaded: { config, warnings, given: [...given] } };
      writeAtomically(this.#path, JSON.stringify(cached));
    } catch { /* a read-only home: no cache */ }
  }
}

/** Values of the variables that the text, or a rule about it, looks at. */
function referenced(text: string, env: Environment): [string, string | undefined][] {
  const names = new Set([
    "HOME",
    ...probeKinds.flatMap(({ variables = [] }) => variables),
    ...[...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name),
  ]);
  return [...names].sort().map((name) => [name, env[name]]);
}
