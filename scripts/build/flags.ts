/** The declared permission set (deno.json, tasks.loader), as each kind of build passes it on. */
import { runtimeFlags } from "../../lib/version.ts";

/** Nothing but the file's own parts is ever read as code or settings. */
const closed = ["--deny-import", "--no-config", "--no-npm", "--no-lock"];

/**
 * Young objects have 4 MiB from the start, so that V8 collects nothing before the first service runs; and later it keeps
 * the heap small rather than quick, so that a loader that runs for months does not grow between two collections.
 */
const memory = "--min-semi-space-size=4,--max-semi-space-size=4,--optimize-for-size";
/**
 * Functions are compiled when a file is read for the first time, not at their first call: only then the code cache holds
 * them for all later starts (10 ms less until the first service).
 */
const eager = "--no-lazy";

const common = [...new Set([...runtimeFlags, ...closed])];

/** For the `deno run` of the self-extracting file. */
export const packedFlags: readonly string[] = [...common, `--v8-flags=${eager},${memory}`];

/**
 * For `deno compile`. No code cache: a compiled executable keeps it in the machine's temporary folder, which is neither
 * one of our folders nor one that only we can write.
 */
export const compileFlags: readonly string[] = [...common, `--v8-flags=${memory}`, "--no-code-cache"];
