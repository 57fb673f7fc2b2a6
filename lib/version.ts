/** Name, version and permission flags of the program, from the one place that states them: deno.json. */
import manifest from "../deno.json" with { type: "json" };

export const version: string = manifest.version;

/** The permission set and runtime flags with which the program runs from source (`deno task loader`). */
export const runtimeFlags: readonly string[] = manifest.tasks.loader.command.split(" ").slice(2, -1);
