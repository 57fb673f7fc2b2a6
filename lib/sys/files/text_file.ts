/** Reading a small text file that a user wrote, with every failure as a value. */

/** What was read, or why not. */
export type TextFile =
  | { ok: true; text: string }
  | {
    ok: false;
    reason:
      | "not_found"
      | "no_permission"
      | "closed"
      | "directory"
      | "not_a_file"
      | "too_large"
      | "not_text"
      | "failed";
  };

const maxBytes = 4 * 1024 * 1024;

/** The text of a UTF-8 file of at most 4 MiB. Never throws, never waits on a pipe or a device. */
export function readTextFile(path: string): TextFile {
  try {
    const info = Deno.statSync(path);
    if (info.isDirectory) return { ok: false, reason: "directory" };
    if (!info.isFile) return { ok: false, reason: "not_a_file" };
    if (info.size > maxBytes) return { ok: false, reason: "too_large" };
    const bytes = Deno.readFileSync(path);
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (error) {
    // A part of the path that is a file gives ENOTDIR: nothing is there either.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return { ok: false, reason: "not_found" };
    }
    if (error instanceof Deno.errors.NotCapable) return { ok: false, reason: "closed" };
    if (error instanceof Deno.errors.PermissionDenied) return { ok: false, reason: "no_permission" };
    if (error instanceof TypeError) return { ok: false, reason: "not_text" };
    return { ok: false, reason: "failed" };
  }
}
