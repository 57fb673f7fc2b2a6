/**
 * Files under /dev/shm. Deno counts all of /dev among what only --allow-all opens, but there is the RAM disk on which
 * people keep configurations and logs that wear out no flash: so these few operations go through libc.
 */
import type { AppendFile } from "./append_file.ts";
import { cString, libc, readBytes } from "../process/libc.ts";

const place = "/dev/shm/";
const O_RDWR = 2, O_CREAT = 0o100, O_APPEND = 0o2000, O_CLOEXEC = 0o2000000;
const SEEK_SET = 0, SEEK_END = 2;
const F_OK = 0, X_OK = 1;

/** True for a path on the RAM disk (as written: links are not followed). */
export function onRamDisk(path: string): boolean {
  return path.startsWith(place) && !path.includes("/../");
}

/** The bytes of a file, at most `limit`; null when it is not there or not readable. */
export function readRamDisk(path: string, limit: number): Uint8Array | null {
  return readBytes(path, limit);
}

/** True for a file or folder that this user may execute. */
export function mayExecuteOnRamDisk(path: string): boolean {
  return libc()?.access(cString(path), X_OK) === 0;
}

/** True if there is something; what it is is not told. */
export function existsOnRamDisk(path: string): boolean {
  return libc()?.access(cString(path), F_OK) === 0;
}

/** As `mkdir -p -m 700`. @throws when the folder cannot be made. */
export function makeRamDiskFolder(path: string): void {
  for (let end = path.indexOf("/", place.length); end !== -1; end = path.indexOf("/", end + 1)) {
    libc()?.mkdir(cString(path.slice(0, end)), 0o700); // that it exists already is no error, and others show below
  }
  libc()?.mkdir(cString(path), 0o700);
  if (!mayExecuteOnRamDisk(path)) throw new Error(`cannot make the folder ${path}`);
}

export function renameOnRamDisk(from: string, to: string): void {
  libc()?.rename(cString(from), cString(to));
}

export function removeFromRamDisk(path: string): void {
  libc()?.unlink(cString(path));
}

/** See `openAppend()`. */
export function appendOnRamDisk(path: string): AppendFile {
  const c = libc();
  const fd = c ? c.open(cString(path), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600) : -1;
  if (!c || fd < 0) throw new Error(`cannot open ${path}`);
  const size = Number(c.lseek(fd, 0n, SEEK_END));
  let torn = false;
  if (size > 0) {
    const last = new Uint8Array(1);
    c.lseek(fd, BigInt(size - 1), SEEK_SET);
    torn = Number(c.read(fd, last, 1n)) === 1 && last[0] !== 10;
  }
  return {
    size,
    torn,
    writeSync(bytes) {
      const n = Number(c.write(fd, bytes as Uint8Array<ArrayBuffer>, BigInt(bytes.length)));
      if (n < 0) throw new Error("no space left on the RAM disk, or no permission");
      return n;
    },
    truncate(to) {
      c.ftruncate(fd, BigInt(to));
    },
    moved: () => !existsOnRamDisk(path),
    [Symbol.dispose]: () => void c.close(fd),
  };
}
