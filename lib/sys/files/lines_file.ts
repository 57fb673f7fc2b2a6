/** A file of lines that is written as a whole, in one step. */
import { reasonOf } from "../../errors.ts";

/** The lines of the file, of its newest `maxBytes` bytes at most. No file has none. Never throws, never waits on a pipe. */
export function readLines(path: string, maxBytes: number): { lines: string[]; unreadable: string | null } {
  try {
    if (!Deno.statSync(path).isFile) return { lines: [], unreadable: "it is not a file" };
    using file = Deno.openSync(path, { read: true });
    const { size } = file.statSync();
    const from = Math.max(0, size - maxBytes);
    file.seekSync(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(size - from);
    let length = 0;
    for (let n: number | null = 0; n !== null && length < bytes.length; length += n ?? 0) {
      n = file.readSync(bytes.subarray(length));
    }
    const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n");
    if (from > 0) lines.shift(); // the bound may have cut through it
    return { lines: lines.filter((line) => line !== ""), unreadable: null };
  } catch (error) {
    return { lines: [], unreadable: error instanceof Deno.errors.NotFound ? null : reasonOf(error) };
  }
}

/**
 * Replaces the file and makes its folder where need be; on the disk when the promise resolves. For one writer at a time.
 * @throws whatever the file system says; the file is then as it was.
 */
export async function replaceLines(folder: string, name: string, lines: readonly string[]): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const fresh = `${folder}/${name}.new`;
  await Deno.writeTextFile(fresh, lines.map((line) => line + "\n").join(""), { mode: 0o600 });
  await synced(fresh);
  await Deno.rename(fresh, `${folder}/${name}`);
  await synced(folder); // a renamed file is only there after a power cut if its folder was written too
}

async function synced(path: string): Promise<void> {
  using handle = await Deno.open(path, { read: true });
  await handle.sync();
}
