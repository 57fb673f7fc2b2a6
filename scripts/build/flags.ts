/** The declared permission set (deno.json, tasks.loader), as each kind of build passes it on. */
import { runtimeFlags } from "../../lib/version.ts";

/** Nothing but the file's own parts is ever read as code or settings. */
const closed = ["--deny-import", "--no-config", "--no-npm", "--no-lock"];

/** For the `deno run` of the self-extracting file. */
export const packedFlags: readonly string[] = [...new Set([...runtimeFlags, ...closed])];

/**
 * For `deno compile`. No code cache: a compiled executable keeps it in the machine's temporary folder, which is neither
 * one of our folders nor one that only we can write.
 */
export const compileFlags: readonly string[] = [...new Set([...packedFlags, "--no-code-cache"])];
