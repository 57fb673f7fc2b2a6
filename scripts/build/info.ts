/** What is written into a build: from the commit alone, so that the same commit gives the same bytes. */
import type { BuildStamp } from "../../lib/version.ts";

export const root: string = new URL("../../", import.meta.url).pathname;

/** A build that cannot be: the message says what to do. */
export class BuildError extends Error {}

/** SOURCE_DATE_EPOCH, else the commit's own date; nulls outside a git checkout. */
export function buildStamp(): BuildStamp {
  const commit = git("rev-parse", "HEAD");
  const changed = commit !== null && git("status", "--porcelain", "--untracked-files=no") !== "";
  const epoch = Deno.env.get("SOURCE_DATE_EPOCH") ?? git("log", "-1", "--format=%ct");
  return {
    commit: commit === null ? null : changed ? `${commit}-changed` : commit,
    built: epoch === null ? null : new Date(Number(epoch) * 1000).toISOString(),
  };
}

function git(...args: string[]): string | null {
  try {
    const { success, stdout } = new Deno.Command("git", { args, cwd: root, stderr: "null" }).outputSync();
    return success ? new TextDecoder().decode(stdout).trim() : null;
  } catch {
    return null; // no git here
  }
}

/** Runs Deno itself in the project's folder. null when all went well, else what it said. */
export async function runDeno(args: string[], o: { limitMs?: number } = {}): Promise<string | null> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
    cwd: root,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    ...(o.limitMs === undefined ? {} : { signal: AbortSignal.timeout(o.limitMs) }),
  }).spawn();
  const { success, stderr } = await child.output();
  return success ? null : new TextDecoder().decode(stderr).trim();
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
