/** Standard output and error, for commands that print and end. */
import { writeAllSync } from "./files/standard_output.ts";

const encoder = new TextEncoder();

function writeLine(fd: 1 | 2, text: string): void {
  try {
    writeAllSync(fd, encoder.encode(text.endsWith("\n") ? text : text + "\n"));
  } catch { /* the reader went away (`| head`): nobody is left to tell */ }
}

export function print(text: string): void {
  writeLine(1, text);
}

export function printError(text: string): void {
  writeLine(2, text);
}

/** Width of the terminal in columns; 100 where there is none. */
export function terminalWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 100;
  } catch {
    return 100;
  }
}

export function isTerminal(): boolean {
  return Deno.stdout.isTerminal();
}

/** A longer line is somebody's mistake. */
const longestLine = 1 << 20;

/** The lines of standard input, until its end or the abort. One that is longer than 1 MiB ends them. */
export async function* inputLines(signal: AbortSignal): AsyncGenerator<string> {
  const reader = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split("\n");
    rest = lines.pop()!;
    yield* lines;
    if (rest.length > longestLine) return;
  }
}
