/**
 * Standard output, whatever it is: a terminal, a pipe, a file, the journal. Spec: §7.
 *
 * Through the C library where there is one: the runtime's own call keeps a buffer, and when a write fails half way (a
 * full disk, a full pipe that its other end made non-blocking) it does not tell how much went out.
 */
import { libc, readLink } from "../process/libc.ts";

const symbols = {
  write: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

const STDOUT = 1;
const SEEK_CUR = 1;
const POLLOUT = 4;
/** POLLERR, POLLHUP, POLLNVAL: nobody will ever read. */
const gone = 8 | 16 | 32;

let writeBeside: ((bytes: Uint8Array<ArrayBuffer>) => Promise<number>) | undefined;

/** The call that does not hold the event loop. */
function bound(): (bytes: Uint8Array<ArrayBuffer>) => Promise<number> {
  if (!libc()) return (bytes) => Deno.stdout.write(bytes);
  const { write } = Deno.dlopen("libc.so.6", symbols).symbols;
  return async (bytes) => Number(await write(STDOUT, bytes, BigInt(bytes.length)));
}

/** True for a regular file: what can be sought in. */
const isFile = () => Number(libc()?.lseek(STDOUT, 0n, SEEK_CUR) ?? -1) >= 0;

/** Waits until the descriptor takes bytes, at most `ms`. @throws when nobody will ever read them. */
function awaitRoom(fd: number, ms: number): void {
  const wanted = new Uint8Array(8);
  const view = new DataView(wanted.buffer);
  view.setInt32(0, fd, true);
  view.setInt16(4, POLLOUT, true);
  libc()!.poll(wanted, 1n, ms);
  if ((view.getInt16(6, true) & gone) !== 0) throw new Error("nobody reads it any more");
}

/** A file did not take any bytes. */
export class NoRoomError extends Error {
  override message = "no space left on the disk";
}

/** Where the log shows its lines; see `ConsoleTarget`. */
export const standardOutput = {
  name: "standard output",

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    const n = await (writeBeside ??= bound())(bytes);
    if (n >= 0) return n;
    if (isFile()) throw new NoRoomError();
    awaitRoom(STDOUT, 0);
    return 0;
  },

  /** A file does, and so does the journal. */
  keepsAll: (): boolean => isFile() || stdoutIsJournal(),

  mayPass: (error: unknown): boolean => error instanceof NoRoomError,
};

/** True if standard output is the journal: the socket that systemd named. */
export function stdoutIsJournal(): boolean {
  const inode = Deno.env.get("JOURNAL_STREAM")?.split(":")[1];
  return inode !== undefined && readLink(`/proc/self/fd/${STDOUT}`) === `socket:[${inode}]`;
}

/** Writes all bytes to descriptor 1 or 2, and waits for whoever reads them. @throws when nobody ever will. */
export function writeAllSync(fd: 1 | 2, bytes: Uint8Array<ArrayBuffer>): void {
  const c = libc();
  const stream = fd === STDOUT ? Deno.stdout : Deno.stderr;
  for (let at = 0; at < bytes.length;) {
    const rest = bytes.subarray(at);
    const n = c ? Number(c.write(fd, rest, BigInt(rest.length))) : stream.writeSync(rest);
    if (n > 0) at += n;
    else if (fd === STDOUT && isFile()) throw new NoRoomError();
    else awaitRoom(fd, -1);
  }
}

/** True if standard output is a terminal that shows colours and whose user did not turn them off (NO_COLOR). */
export function stdoutHasColor(): boolean {
  return !Deno.noColor && Deno.env.get("TERM") !== "dumb" && Deno.stdout.isTerminal();
}
