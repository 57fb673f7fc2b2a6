/** What this program runs as, to be executed again or given back to: what only an exchange of versions needs. */
import type { Image } from "./process/exec.ts";
import { commandLine } from "./process/procfs.ts";
import { runtimeEnvironment } from "./self.ts";
import { takenVariables } from "./service_manager.ts";

/** What whoever started this program has set, for another version of it in its place. */
export const callersEnvironment = (): Record<string, string> => ({
  ...Deno.env.toObject(),
  ...takenVariables(),
});

/** This very program as it runs, whatever has become of its file. */
export function ownImage(): Image {
  const { argv, env } = bareImage();
  return { argv, env: { ...callersEnvironment(), ...env } };
}

/** The same, of its environment only what a built program's script has set for the runtime. */
export function bareImage(): Image {
  const [, ...args] = commandLine(Deno.pid);
  return { argv: [Deno.execPath(), ...args], env: runtimeEnvironment() };
}
