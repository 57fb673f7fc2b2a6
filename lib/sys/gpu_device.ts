/** Whether a device node is there and may be used, asked without opening the device. Deno itself grants no look into /dev. Spec: §5. */
import { libc } from "./process/libc.ts";

const O_PATH = 0o10000000; // names the file only: the driver behind it is not woken
const O_CLOEXEC = 0o2000000;
const encoder = new TextEncoder();

/** True if `path` exists, whatever it is; false also where the C library cannot be asked. */
export function pathExists(path: string): boolean {
  const c = libc();
  if (!c) return false;
  const fd = c.open(encoder.encode(path + "\0"), O_PATH | O_CLOEXEC, 0);
  if (fd < 0) return false;
  c.close(fd);
  return true;
}

const SYS_FACCESSAT = Deno.build.arch === "aarch64" ? 48n : 269n;
const AT_FDCWD = -100n, R_OK_W_OK = 6n;

/** True if this user may read and write `path`; false also where it is not there. */
export function mayUse(path: string): boolean {
  return libc()?.syscall(SYS_FACCESSAT, AT_FDCWD, encoder.encode(path + "\0"), R_OK_W_OK) === 0n;
}
