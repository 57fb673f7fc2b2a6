/** The declared permission set (deno.json, tasks.loader), as each kind of build passes it on. */
import { runtimeFlags } from "../../lib/version.ts";

/** Nothing but the file's own parts is ever read as code or settings. */
const closed = ["--deny-import", "--no-config", "--no-npm", "--no-lock"];

/**
 * What V8 is told so that the first service is started 10 ms earlier. Functions are compiled when a file is read for the
 * first time, not at their first call, since only then V8's code cache holds them for all later starts; and young objects
 * get room (MiB) for all that a boot makes until then, so that no collection comes before. A running loader has some 5 MB more.
 */
const engine = ["--v8-flags=--no-lazy,--min-semi-space-size=4"];

/** For the `deno run` of the self-extracting file. */
export const packedFlags: readonly string[] = [...new Set([...runtimeFlags, ...closed, ...engine])];

/**
 * For `deno compile`. No code cache: a compiled executable keeps it in the machine's temporary folder, which is neither
 * one of our folders nor one that only we can write.
 */
export const compileFlags: readonly string[] = [...new Set([...packedFlags, "--no-code-cache"])];
