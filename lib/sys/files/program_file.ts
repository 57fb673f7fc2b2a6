/** A program's file that another one takes the place of: written beside it and renamed, never onto what runs. */
import { createHash } from "node:crypto";
import { previousOf, readSmallFile, removeIfThere } from "./files.ts";

/** Copies `from` beside `path`, executable; returns where, and its SHA-256 in hexadecimal. @throws whatever the file system says. */
export async function copyBeside(from: string, path: string): Promise<{ fresh: string; sum: string }> {
  const fresh = `${path}.new`;
  removeIfThere(fresh);
  const sum = createHash("sha256");
  try {
    using input = await Deno.open(from, { read: true });
    using output = await Deno.open(fresh, { write: true, createNew: true, mode: 0o700 });
    for await (const chunk of input.readable) {
      sum.update(chunk);
      for (let at = 0; at < chunk.length;) at += await output.write(chunk.subarray(at));
    }
    await output.sync();
    const { mode } = await Deno.stat(path);
    await Deno.chmod(fresh, (mode ?? 0o755) | 0o100);
    return { fresh, sum: sum.digest("hex") };
  } catch (error) {
    removeIfThere(fresh);
    throw error;
  }
}

/** Puts `fresh` in the place of `path`; what was there is kept beside it. @throws whatever the file system says. */
export function putInPlace(fresh: string, path: string): void {
  const kept = `${previousOf(path)}.new`;
  removeIfThere(kept);
  Deno.linkSync(path, kept);
  Deno.renameSync(kept, previousOf(path));
  Deno.renameSync(fresh, path);
}

/** What a SHA256SUMS beside the file says of it; null: nothing. */
export function statedSum(path: string): string | null {
  const slash = path.lastIndexOf("/");
  const lines = readSmallFile(`${path.slice(0, slash)}/SHA256SUMS`)?.split("\n") ?? [];
  const line = lines.find((line) => line.replace(/^[0-9a-fA-F]{64} [ *]/, "") === path.slice(slash + 1));
  return line?.slice(0, 64).toLowerCase() ?? null;
}
