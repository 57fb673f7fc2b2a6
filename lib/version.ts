/** Name, version and permission flags of the program, from the one place that states them: deno.json. */
import manifest from "../deno.json" with { type: "json" };

export const version: string = manifest.version;

/** The permission set and runtime flags with which the program runs from source (`deno task loader`). */
export const runtimeFlags: readonly string[] = manifest.tasks.loader.command.split(" ").slice(2, -1);

/** What only a build knows. */
export interface BuildStamp {
  /** Commit that was built; null when it was not built from one. */
  commit: string | null;
  /** Date of that commit (or SOURCE_DATE_EPOCH), ISO 8601: the same source gives the same build. */
  built: string | null;
}

/** null from source. The build puts its stamp in the place of the literal, which must stay the only one of its kind. */
export const buildStamp: BuildStamp | null = readStamp("@build-stamp@");

function readStamp(text: string): BuildStamp | null {
  return text.startsWith("{") ? JSON.parse(text) : null;
}
