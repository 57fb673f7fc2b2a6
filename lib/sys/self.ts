/**
 * The program knows what it is: from source, a compiled executable, or out of a self-extracting file; and so how to
 * start itself again (the demo's stand-ins). One function for all of that, used by everything that needs it.
 */
import { type BuildStamp, buildStamp, runtimeFlags, version } from "../version.ts";

/** The word in `cmd` that stands for the program's own stand-in services. */
export const demoWord = "@demo";

/** Set by the script that a built program begins with (the self-extracting file, the npm package) to its own path. */
const selfVariable = "ALEXA_LOADER_SELF";
/** Set by the npm package's script to "npm". */
const kindVariable = "ALEXA_LOADER_KIND";
/** Variables that the script sets for its runtime alone; what they were before is kept as WAS. */
const runtimeVariables = ["DENO_DIR", "DENO_NO_UPDATE_CHECK", "DENO_DISABLE_NODE_SHIM"];
const formerPrefix = "ALEXA_LOADER_WAS_";

export type ProgramKind = "source" | "compiled" | "self-extracting" | "npm";

export interface ProgramFacts extends BuildStamp {
  version: string;
  kind: ProgramKind;
  deno: string;
  target: string;
  /** The permissions it runs with, as Deno's flags. */
  permissions: string[];
}

let packedFile: string | null = null;
/** What the script has set for its runtime. */
let packedEnvironment: Readonly<Record<string, string>> = {};
export const runtimeEnvironment = (): Readonly<Record<string, string>> => packedEnvironment;
let packedKind: ProgramKind = "self-extracting";

/**
 * To be called once, before anything else looks at the environment: puts it back as the user has it. The services inherit
 * it, and one that is a Deno program must find its own cache, not ours.
 */
export function adoptEnvironment(): void {
  if (buildStamp === null || Deno.build.standalone) return; // a variable of another copy of the program is none of ours
  packedFile = Deno.env.get(selfVariable) ?? null;
  if (packedFile === null) return;
  if (Deno.env.get(kindVariable) === "npm") packedKind = "npm";
  const set = [
    selfVariable,
    kindVariable,
    ...runtimeVariables.flatMap((name) => [name, formerPrefix + name]),
  ];
  packedEnvironment = Object.fromEntries(
    Object.entries(Deno.env.toObject()).filter(([name]) => set.includes(name)),
  );
  for (const name of [selfVariable, kindVariable]) Deno.env.delete(name);
  for (const name of runtimeVariables) {
    const former = Deno.env.get(formerPrefix + name);
    if (former === undefined) Deno.env.delete(name);
    else {
      Deno.env.set(name, former);
      Deno.env.delete(formerPrefix + name);
    }
  }
}

function kind(): ProgramKind {
  if (Deno.build.standalone) return "compiled";
  return packedFile === null ? "source" : packedKind;
}

/**
 * argv that starts this program again with `args`. A packed one is started by its script, not as what that found or
 * unpacked: it checks its cache, and is right when the cache has gone (5 ms more).
 */
export function selfCommand(args: readonly string[]): string[] {
  if (packedFile !== null) return [packedFile, ...args];
  if (Deno.build.standalone) return [Deno.execPath(), ...args];
  const main = new URL("../../main.ts", import.meta.url).pathname;
  return [Deno.execPath(), "run", ...runtimeFlags, main, ...args];
}

/** The program's file, where it is one that a new version can be put in the place of; else what to do instead. */
export function ownFile(): { path: string } | { instead: string } {
  if (packedFile !== null && packedKind !== "npm") return { path: packedFile };
  if (Deno.build.standalone) return { path: Deno.execPath() };
  return {
    instead: packedFile !== null
      ? "it was installed by npm: `npm install -g alexa-loader`, then `alexa-loader reload --exec`"
      : "it runs from source: bring that up to date, then `alexa-loader reload --exec`",
  };
}

/** The argv that really runs: `["@demo", "kwd", …]` is the program itself in the part of its stand-in KWD. */
export function resolveDemo(argv: readonly string[]): string[] {
  return argv[0] === demoWord ? selfCommand(["demo-service", ...argv.slice(1)]) : [...argv];
}

export function programFacts(): ProgramFacts {
  return {
    version,
    commit: buildStamp?.commit ?? null,
    built: buildStamp?.built ?? null,
    kind: kind(),
    deno: Deno.version.deno,
    target: Deno.build.target,
    permissions: runtimeFlags.filter((flag) => /^--(allow|deny)-/.test(flag)),
  };
}

/** For `--version`: one line for people, or JSON. */
export function versionText(json: boolean): string {
  const facts = programFacts();
  if (json) return JSON.stringify(facts, null, 2);
  const from = facts.kind === "source"
    ? "source"
    : `${facts.kind}, commit ${facts.commit?.slice(0, 12) ?? "unknown"}, ${
      facts.built?.slice(0, 10) ?? "no date"
    }`;
  return `alexa-loader ${version} (${from}; deno ${facts.deno}, ${facts.target})`;
}

/** What the program cannot do on this operating system; null where it can do everything. */
export function platformLimits(): string | null {
  if (Deno.build.os === "linux") return null;
  return `On ${Deno.build.os} there is no /proc, prctl and NVML: port owners, leftovers of an earlier boot, escaped ` +
    "grandchildren and GPU memory are not seen, and SIGKILL of the loader leaves the services running";
}
