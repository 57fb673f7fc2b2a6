/**
 * The program knows what it is: how to start itself again (the demo's stand-ins), whether it runs from source, as a
 * compiled executable or out of a self-extracting file. One function, used by everything that needs it.
 */
import { runtimeFlags } from "../version.ts";

/** The word in `cmd` that stands for the program's own stand-in services. */
export const demoWord = "@demo";

/** Set by the self-extracting file to its own path. */
const selfVariable = "ALEXA_LOADER_SELF";

/** argv that starts this program again with `args`. */
export function selfCommand(args: readonly string[]): string[] {
  const packed = Deno.env.get(selfVariable);
  if (packed) return [packed, ...args];
  if (Deno.build.standalone) return [Deno.execPath(), ...args];
  const main = new URL("../../main.ts", import.meta.url).pathname;
  return [Deno.execPath(), "run", ...runtimeFlags, main, ...args];
}

/** The argv that really runs: `["@demo", "kwd", …]` is the program itself in the part of its stand-in KWD. */
export function resolveDemo(argv: readonly string[]): string[] {
  return argv[0] === demoWord ? selfCommand(["demo-service", ...argv.slice(1)]) : [...argv];
}
