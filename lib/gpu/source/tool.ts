/** What the sources that run a command have in common: a time limit, and every way it can fail as a sentence. Spec: §5. */
import { type RunCommand, runCommand } from "../../sys/process/command.ts";
import type { GpuFailure } from "../types.ts";

/** How a tool is run. `limitMs` is the time given to one run (default 5000): a tool hangs when its driver does. */
export interface ToolOptions {
  /** Program name or path. */
  program: string;
  /** How it is run; by default as nobody's. */
  run?: RunCommand | undefined;
  limitMs?: number | undefined;
}

/** The tool's standard output, or why there is none. Rejects only with the signal's reason. */
export async function runTool(
  { program, run = runCommand, limitMs = 5000 }: ToolOptions,
  args: string[],
  signal?: AbortSignal,
): Promise<string | GpuFailure> {
  const r = await run([program, ...args], {
    signal,
    timeoutMs: limitMs,
    maxOutputBytes: 1 << 20,
  });
  if (r.missing) return { failure: "missing", message: `there is no ${program}` };
  if (r.timedOut) {
    return {
      failure: "timeout",
      message: `${program} did not end within ${limitMs / 1000} s`,
      hint: "its driver may hang: see dmesg",
    };
  }
  if (r.code === 0) return r.stdout;
  const said = firstLine(r.stderr) || firstLine(r.stdout);
  return {
    failure: "lost",
    message: `${program} failed with ${r.code === null ? r.signal : `code ${r.code}`}${
      said ? `: "${said}"` : ""
    }`,
  };
}

function firstLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return (text.split("\n").find((l) => l.trim()) ?? "").replace(/[\x00-\x1f\x7f]/g, " ").trim().slice(0, 160);
}

/** A failure for output that is not what the tool should print; quotes a little of it. */
export function garbled(program: string, output: string): GpuFailure {
  const shown = firstLine(output);
  return {
    failure: "garbled",
    message: `${program} printed something else than expected${shown ? `: "${shown}"` : ": nothing"}`,
    hint: `run ${program} by hand to see what is wrong`,
  };
}
