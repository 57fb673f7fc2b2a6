/** Files that are only appended to: the OS calls under the log files. */
import type { AppendFile } from "./append_file.ts";

/** Opens (or creates, readable by its owner only) a file for appending. */
export function openAppend(path: string): AppendFile {
  const file = Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
  const { ino } = file.statSync();
  const size = file.seekSync(0, Deno.SeekMode.End);
  let torn = false;
  if (size > 0) {
    const last = new Uint8Array(1);
    file.seekSync(-1, Deno.SeekMode.End);
    torn = file.readSync(last) === 1 && last[0] !== 10;
  }
  return {
    size,
    torn,
    writeSync: (bytes) => file.writeSync(bytes),
    truncate: (to) => file.truncateSync(to),
    moved: () => inodeOf(path) !== ino,
    [Symbol.dispose]: () => file.close(),
  };
}

/** Null: nothing is there. */
function inodeOf(path: string): number | null {
  let ino: number | null = null;
  unlessMissing(() => ino = Deno.statSync(path).ino);
  return ino;
}

function unlessMissing(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Renames a file over another; one that is not there is no error. */
export function renameIfThere(from: string, to: string): void {
  unlessMissing(() => Deno.renameSync(from, to));
}

/** Removes a file; one that is not there is no error. */
export function removeIfThere(path: string): void {
  unlessMissing(() => Deno.removeSync(path));
}
