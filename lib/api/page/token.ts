/** The token of a page that others than this machine can reach. Spec: §12. */
import { randomHex } from "../../sys/host.ts";
import { readSmallFile, writeNew } from "../../sys/files/files.ts";

/** The one of the file; made, readable for its owner only, when there is none. @throws when it cannot be written or is none. */
export function pageToken(path: string): { token: string; fresh: boolean } {
  const fresh = writeNew(path, randomHex(32) + "\n", 0o600);
  const token = readSmallFile(path)?.trim() ?? "";
  if (!/^[\x21-\x7e]{16,}$/.test(token)) {
    throw new Error(`${path} holds no token (16 characters at least); remove it, and a new one is made`);
  }
  return { token, fresh };
}
