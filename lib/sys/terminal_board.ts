/** The terminal that a person sits at: its size, its keys, and what it can show. Linux. */
import { epoll } from "./process/epoll.ts";
import { libc, readBytes, readFd } from "./process/libc.ts";
import { systemClock } from "./clock.ts";

const STDIN = 0;
const keyNames = new Map([
  ["\r", "enter"],
  ["\n", "enter"],
  ["\x1b", "escape"],
  ["\x7f", "backspace"],
  ["\b", "backspace"],
  ["\x1b[A", "up"],
  ["\x1bOA", "up"],
  ["\x1b[B", "down"],
  ["\x1bOB", "down"],
]);
/** In the background nobody's keys are for us. */
const backgroundMs = 500;

export interface BoardTerminal {
  /** It shows more than ASCII. */
  readonly unicode: boolean;
  size(): { columns: number; rows: number };
  /** Begins to hand on keys (by name, or the character), changes of size, and our return from a stop (Ctrl-Z). */
  open(told: { key(name: string): void; resized(): void; continued(): void }): Disposable;
}

/** Null where lines cannot be kept at the bottom: no terminal, one that knows no cursor, or we are in its background. */
export function boardTerminal(): BoardTerminal | null {
  const { TERM = "dumb", LC_ALL, LC_CTYPE, LANG } = Deno.env.toObject();
  if (!libc() || TERM === "dumb" || !Deno.stdout.isTerminal() || !isForeground()) return null;
  return {
    unicode: /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || ""),
    size() {
      try {
        return Deno.consoleSize();
      } catch {
        return { columns: 80, rows: 24 };
      }
    },
    open(told) {
      const keys = Deno.stdin.isTerminal();
      raw(keys);
      const stopped = () => {
        raw(false);
        Deno.kill(Deno.pid, "SIGSTOP");
      };
      const continued = () => {
        raw(keys && isForeground());
        told.continued();
      };
      const { resized } = told;
      Deno.addSignalListener("SIGTSTP", stopped);
      Deno.addSignalListener("SIGCONT", continued);
      Deno.addSignalListener("SIGWINCH", resized);
      const reading = { over: !keys };
      void readKeys(reading, told.key);
      return {
        [Symbol.dispose]() {
          reading.over = true;
          epoll.forget(STDIN);
          raw(false);
          Deno.removeSignalListener("SIGTSTP", stopped);
          Deno.removeSignalListener("SIGCONT", continued);
          Deno.removeSignalListener("SIGWINCH", resized);
        },
      };
    },
  };
}

/** Keys come one by one and unseen; Ctrl-C and Ctrl-Z stay signals. */
function raw(on: boolean): void {
  try {
    Deno.stdin.setRaw(on, on ? { cbreak: true } : undefined);
  } catch { /* it has gone away, or never was one */ }
}

/** Our process group is the one that the terminal listens to: reading from it in the background would stop us. */
function isForeground(): boolean {
  const stat = new TextDecoder().decode(readBytes("/proc/self/stat") ?? undefined);
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return group !== undefined && group === foreground;
}

async function readKeys(reading: { over: boolean }, key: (name: string) => void): Promise<void> {
  const buffer = new Uint8Array(64);
  while (!reading.over && await epoll.readable(STDIN)) {
    if (!isForeground()) {
      await systemClock.sleep(backgroundMs);
      continue;
    }
    const length = readFd(STDIN, buffer);
    if (length <= 0) return; // hung up
    for (const name of keysIn(new TextDecoder().decode(buffer.subarray(0, length)))) {
      if (!reading.over) key(name);
    }
  }
}

/** The keys in what a terminal sent at once. */
export function keysIn(text: string): string[] {
  // deno-lint-ignore no-control-regex
  const found = text.match(/\x1b[[O][0-9;]*[A-Za-z~]|[^]/gu) ?? [];
  return found.map((sequence) => keyNames.get(sequence) ?? sequence)
    .filter((name) => name.length === 1 ? name >= " " : !name.startsWith("\x1b"));
}
