import { promisify } from "node:util";
import { gzip } from "node:zlib";

/** A tar archive (ustar) that depends on nothing but names, bytes, modes and one time: no owners. */
export interface TarFile {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Permission bits. */
  mode: number;
}

/** Its name ends with a slash. */
export interface TarFolder {
  name: string;
  bytes: null;
  mode: number;
}

const block = 512;

/** `time`: of each file, in seconds since 1970. */
export function tar(files: readonly (TarFile | TarFolder)[], time = 0): Uint8Array<ArrayBuffer> {
  const padded = (size: number) => Math.ceil(size / block) * block;
  const whole = files.reduce((sum, file) => sum + block + padded(file.bytes?.length ?? 0), 2 * block);
  const archive = new Uint8Array(whole);
  let at = 0;
  for (const file of files) {
    archive.set(header(file, time), at);
    if (file.bytes) archive.set(file.bytes, at + block);
    at += block + padded(file.bytes?.length ?? 0);
  }
  return archive;
}

function header(file: TarFile | TarFolder, time: number): Uint8Array {
  const bytes = new Uint8Array(block);
  const text = (at: number, value: string) => bytes.set(new TextEncoder().encode(value), at);
  const octal = (at: number, digits: number, value: number) =>
    text(at, value.toString(8).padStart(digits, "0"));
  if (new TextEncoder().encode(file.name).length > 100) throw new Error(`${file.name}: too long for ustar`);
  text(0, file.name);
  octal(100, 7, file.mode);
  octal(108, 7, 0); // user
  octal(116, 7, 0); // group
  octal(124, 11, file.bytes?.length ?? 0);
  octal(136, 11, time);
  text(148, " ".repeat(8)); // the sum counts itself as spaces
  text(156, file.bytes ? "0" : "5"); // a plain file, a folder
  text(257, "ustar\x0000");
  octal(148, 6, bytes.reduce((sum, byte) => sum + byte, 0));
  bytes[154] = 0;
  return bytes;
}

/** `level`: 1 (quick) to 9 (small). The same bytes give the same bytes. */
export async function gzipped(bytes: Uint8Array, level = 9): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await promisify(gzip)(bytes, { level }));
}
