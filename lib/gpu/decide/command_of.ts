/** What a process that holds GPU memory is, in words that are safe to print. Spec: §5. */
import { commandLine, readStat } from "../../sys/process/procfs.ts";

/** The command line of a process on one line, at most 120 characters; "" if it is gone or cannot be seen. */
export function commandOf(pid: number): string {
  const line = commandLine(pid).join(" ") || readStat(pid)?.comm || "";
  // deno-lint-ignore no-control-regex
  const clean = line.replace(/[\x00-\x1f\x7f-\x9f]/g, " ").trim();
  return clean.length > 120 ? clean.slice(0, 119) + "…" : clean;
}
