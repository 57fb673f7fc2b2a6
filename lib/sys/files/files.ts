/** Small file operations that must not be half done. */

/** Creates the folder and its parents, readable for its owner only. */
export function makePrivateDir(path: string): void {
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Makes a folder of ours anew that somebody removed while we run, and tells it. @throws when that is not possible. */
export function restoreDir(path: string, tell: (message: string) => void): void {
  if (kindOf(path) !== null) return;
  makePrivateDir(path);
  tell(`The folder ${path} was removed while the loader runs: made anew`);
}

/** Creates the folder and its parents with the usual rights. */
export function makeDir(path: string): void {
  Deno.mkdirSync(path, { recursive: true });
}

/** Removes a file or socket; false when there was none. */
export function removeIfThere(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Removes a folder with all that is in it; none is no error. */
export function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch { /* what cannot be removed stays */ }
}

export type PathKind = "file" | "dir" | "socket" | "link" | "other" | null;

/** What is at `path` (not following a link); null when there is nothing, "other" where we may not look (/dev, /proc). */
export function kindOf(path: string): PathKind {
  try {
    const info = Deno.lstatSync(path);
    if (info.isSymlink) return "link";
    if (info.isFile) return "file";
    if (info.isDirectory) return "dir";
    return info.isSocket ? "socket" : "other";
  } catch (error) {
    return error instanceof Deno.errors.NotCapable ? "other" : null;
  }
}

/** What is at `path`, links followed; null when there is nothing, or it cannot be seen. */
export function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    return null;
  }
}

/** Names of the regular files of a folder; none when it cannot be read. */
export function listFiles(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Text of a file of at most `limit` bytes; null when it is not there, too large or not readable. */
export function readSmallFile(path: string, limit = 1 << 20): string | null {
  try {
    if (Deno.statSync(path).size > limit) return null;
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

/** True for a regular file (no link) that belongs to this user and that no other may write. */
export function isOwnFile(path: string): boolean {
  try {
    const info = Deno.lstatSync(path);
    return info.isFile && info.uid === Deno.uid() && ((info.mode ?? 0) & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Replaces a file in one step: whoever reads it sees the old or the new text, never a part. `durable` survives a power cut. */
export function writeAtomically(
  path: string,
  text: string,
  options: { durable?: boolean; mode?: number } = {},
): void {
  const temporary = `${path}.${Deno.pid}.new`;
  const file = Deno.openSync(temporary, {
    write: true,
    create: true,
    truncate: true,
    mode: options.mode ?? 0o600,
  });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    if (options.durable) file.syncSync();
    Deno.renameSync(temporary, path);
  } catch (error) {
    removeIfThere(temporary);
    throw error;
  } finally {
    file.close();
  }
}

/** Writes a new file; false (and nothing written) when something is there already. */
export function writeNew(path: string, text: string, mode = 0o644): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, createNew: true, mode });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
  using open = file;
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += open.writeSync(bytes.subarray(at));
  return true;
}

/** A file that lives until it is disposed of, readable for its owner only; what was there is gone. */
export function temporaryFile(path: string, bytes: Uint8Array): Disposable {
  removeIfThere(path);
  Deno.writeFileSync(path, bytes, { createNew: true, mode: 0o600 });
  return { [Symbol.dispose]: () => void removeIfThere(path) };
}

/** Where the file lies that `path` was before it was replaced. */
export const previousOf = (path: string): string => `${path}.previous`;

/** Takes the replacement of a file back, in one step. */
export function restorePrevious(path: string): void {
  if (kindOf(previousOf(path)) === "file") Deno.renameSync(previousOf(path), path);
}

/** A lock that the kernel gives back when its holder ends, however it ends. */
export interface FileLock extends Disposable {
  readonly path: string;
}

/** Takes the lock at `path`; null when another process holds it. `note` is what the others can read there. */
export function lockFile(path: string, note: string): FileLock | null {
  const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
  if (!file.tryLockSync(true)) {
    file.close();
    return null;
  }
  file.truncateSync(0);
  file.writeSync(new TextEncoder().encode(note));
  return {
    path,
    [Symbol.dispose]() {
      try {
        file.truncateSync(0);
      } catch { /* a full disk does not hinder us from letting go */ }
      file.close();
    },
  };
}
