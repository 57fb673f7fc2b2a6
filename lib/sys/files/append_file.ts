/** What the log needs of a file. */

/** A file that only grows at its end. Every method throws what the OS says. */
export interface AppendFile extends Disposable {
  /** Bytes that were in it when it was opened. */
  readonly size: number;
  /** True if it was not empty and did not end with a newline: its last line was cut off by a crash. */
  readonly torn: boolean;
  /** Writes at the end; returns how many bytes went in, which may be fewer than given. */
  writeSync(bytes: Uint8Array): number;
  /** Cuts the file to `size` bytes. */
  truncate(size: number): void;
  /** True if its name is no longer its own: somebody removed or renamed it. */
  moved(): boolean;
}
