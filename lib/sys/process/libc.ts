/**
 * The few calls into the C library that Deno has no word for: files under /proc (which Deno grants only with
 * --allow-all), process attributes, and the reaping of processes that Deno did not start.
 *
 * `errno` is not offered: the runtime may overwrite it before we could read it, so callers get "it failed".
 */

const symbols = {
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  getpid: { parameters: [], result: "i32" },
  syscall: { parameters: ["i64", "i64", "buffer", "i64"], result: "i64" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32", nonblocking: true },
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  alarm: { parameters: ["u32"], result: "u32" },
  sigaction: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  strerror: { parameters: ["i32"], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type Name = keyof typeof symbols;
export type Libc = Deno.DynamicLibrary<typeof symbols>["symbols"];
let opened: Libc | null | undefined;

/** Bound at once, since every boot calls them. */
const first = ["open", "read", "close", "prctl"] as const satisfies Name[];

/** The C library, or null where there is none of this name (not Linux with glibc): /proc is not there then either. */
export function libc(): Libc | null {
  if (opened === undefined) {
    try {
      opened = Deno.build.os === "linux" ? bind() : null;
    } catch {
      opened = null;
    }
  }
  return opened;
}

/** As a dynamic linker does: a function is bound when it is first wanted, for each costs 0.15 ms of the boot. */
function bind(): Libc {
  const open = (names: readonly Name[]) =>
    Deno.dlopen("libc.so.6", Object.fromEntries(names.map((name) => [name, symbols[name]]))).symbols;
  const bound = { ...open(first) };
  for (const name of Object.keys(symbols) as Name[]) {
    if (name in bound) continue;
    const get = () => {
      const value = open([name])[name];
      Object.defineProperty(bound, name, { value, enumerable: true });
      return value;
    };
    Object.defineProperty(bound, name, { get, enumerable: true, configurable: true });
  }
  return bound as Libc;
}

/** Binds all that was not wanted yet, while nobody waits: a service that crashes is not to wait for it. */
export function bindAll(): void {
  Object.values(libc() ?? {});
}

export const O_CLOEXEC = 0o2000000;
const SYS_EPOLL_CREATE1 = Deno.build.arch === "aarch64" ? 20n : 291n;
const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0o40000 : 0o200000;
const SYS_GETDENTS64 = Deno.build.arch === "aarch64" ? 61n : 217n;
const encoder = new TextEncoder();
const buffer = new Uint8Array(1 << 16);

/** What the C library says of an error's number. */
export function errorText(code: number): string {
  const text = libc()?.strerror(code) ?? null;
  return text === null ? "error" : new Deno.UnsafePointerView(text).getCString();
}

export const cString = (s: string) => encoder.encode(s + "\0");

/** The one that is always ours, so that a program without a free descriptor is not blind; -1 while it is in use, or none was asked for. */
let spare = -1;
let sparing = false;

/** From now on {@link readBytes} and {@link listNumbers} need no free descriptor: one is kept for them. */
export function keepSpare(): void {
  sparing = true;
  takeSpare();
}

function takeSpare(): void {
  if (sparing && spare < 0) spare = libc()?.open(cString("/"), O_CLOEXEC, 0) ?? -1;
}

function openToRead(c: Libc, path: string, flags = 0): number {
  const fd = c.open(cString(path), O_CLOEXEC | flags, 0);
  if (fd >= 0 || spare < 0) return fd;
  c.close(spare);
  spare = -1;
  const again = c.open(cString(path), O_CLOEXEC | flags, 0);
  if (again < 0) takeSpare();
  return again;
}

function closeRead(c: Libc, fd: number): void {
  c.close(fd);
  takeSpare();
}

/** A descriptor of ours. @throws when there was none: nothing else can be wrong with the calls that make one out of nothing. */
export function orThrow(fd: number): number {
  if (fd < 0) throw new Error("Too many open files (os error 24)");
  return fd;
}

/** @throws as {@link orThrow}. */
export function openEpoll(): number {
  return orThrow(Number(libc()!.syscall(SYS_EPOLL_CREATE1, BigInt(O_CLOEXEC), null, 0n)));
}

/** A pipe: the end to read from, the end to write to. No child inherits either. @throws as {@link orThrow}. */
export function openPipe(): [read: number, write: number] {
  const ends = new Int32Array(new ArrayBuffer(8));
  orThrow(libc()!.pipe2(ends, O_CLOEXEC));
  return [ends[0]!, ends[1]!];
}

const F_SETFL = 4, O_NONBLOCK = 0o4000;

/** From now on reading finds nothing rather than to wait. */
export function neverBlock(fd: number): void {
  libc()!.fcntl(fd, F_SETFL, O_NONBLOCK);
}

export function closeFds(...fds: readonly number[]): void {
  for (const fd of fds) libc()!.close(fd);
}

/** Reads what is there; 0 at the end, below 0 when that is not possible. */
export function readFd(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return Number(libc()!.read(fd, into, BigInt(into.length)));
}

/** True when all of it was written. */
export function writeFd(fd: number, bytes: Uint8Array<ArrayBuffer>): boolean {
  return Number(libc()!.write(fd, bytes, BigInt(bytes.length))) === bytes.length;
}

/** The bytes of a file, at most `limit` of them; null if it cannot be read. One read of /proc costs about 0.01 ms. */
export function readBytes(path: string, limit = 1 << 22): Uint8Array | null {
  const c = libc();
  if (!c) return null;
  const fd = openToRead(c, path);
  if (fd < 0) return null;
  try {
    const parts: Uint8Array[] = [];
    let total = 0;
    while (total < limit) {
      const n = Number(c.read(fd, buffer, BigInt(buffer.length)));
      if (n < 0) return null; // ESRCH: the process went away under our hands
      if (n === 0) break;
      parts.push(buffer.slice(0, n));
      total += n;
    }
    if (parts.length === 1) return parts[0]!;
    const all = new Uint8Array(total);
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  } finally {
    closeRead(c, fd);
  }
}

/** Target of a symbolic link; null if there is none or it may not be seen. */
export function readLink(path: string): string | null {
  const n = Number(libc()?.readlink(cString(path), buffer, BigInt(4096)) ?? -1);
  return n < 0 ? null : new TextDecoder().decode(buffer.subarray(0, n));
}

/** Names in a folder that are whole numbers (pids, descriptors); null if it cannot be read. */
export function listNumbers(path: string): number[] | null {
  const c = libc();
  if (!c) return null;
  const fd = openToRead(c, path, O_DIRECTORY);
  if (fd < 0) return null;
  const names: number[] = [];
  const view = new DataView(buffer.buffer);
  try {
    for (;;) {
      const n = Number(c.syscall(SYS_GETDENTS64, BigInt(fd), buffer, BigInt(buffer.length)));
      if (n <= 0) return n < 0 && names.length === 0 ? null : names;
      for (let at = 0; at < n; at += view.getUint16(at + 16, true)) { // linux_dirent64: ino 8, off 8, reclen 2, type 1, name
        let value = 0;
        let i = at + 19;
        for (; buffer[i]! >= 48 && buffer[i]! <= 57; i++) value = value * 10 + buffer[i]! - 48;
        if (buffer[i] === 0 && i > at + 19) names.push(value);
      }
    }
  } finally {
    closeRead(c, fd);
  }
}

const O_WRONLY = 1;
const PUNCH_HOLE_KEEP_SIZE = 3; // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE

/** Gives the disk space of a part of a file back, without moving what comes after. False where that is not possible. */
export function punchHole(path: string, from: number, to: number): boolean {
  const c = libc();
  const fd = c ? c.open(cString(path), O_WRONLY | O_CLOEXEC, 0) : -1;
  if (!c || fd < 0) return false;
  try {
    return c.fallocate(fd, PUNCH_HOLE_KEEP_SIZE, BigInt(from), BigInt(to - from)) === 0;
  } finally {
    c.close(fd);
  }
}

/** A `char *[]`, and the bytes it points into, which must live as long. @throws when one has a NUL in it. */
export function stringList(
  strings: readonly string[],
): { pointers: Uint8Array<ArrayBuffer>; bytes: Uint8Array } {
  const parts = strings.map(cString);
  const bytes = new Uint8Array(new ArrayBuffer(parts.reduce((sum, part) => sum + part.length, 1)));
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  const pointers = new BigUint64Array(parts.length + 1);
  let at = 0;
  for (const [i, part] of parts.entries()) {
    if (part.indexOf(0) < part.length - 1) throw new TypeError(`NUL in ${JSON.stringify(strings[i])}`);
    pointers[i] = base + BigInt(at);
    bytes.set(part, at);
    at += part.length;
  }
  return { pointers: new Uint8Array(pointers.buffer), bytes };
}
