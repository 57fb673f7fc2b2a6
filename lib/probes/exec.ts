/** Ready when a command of the user's exits with 0. Spec: §6; CONTRACT §2. */
import type { CommandResult } from "../sys/process/command.ts";
import { noneFree } from "../sys/process/descriptors.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { noAnswer, type ProbeDeps, ready, unasked, waiting, wrong } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

type ExecSpec = Extract<ProbeSpec, { type: "exec" }>;

const maxOutputBytes = 16 * 1024;

export function create(spec: ExecSpec, _target: ProbeTarget, { run }: ProbeDeps): Probe {
  return {
    description: `exec ${spec.cmd.join(" ")}`,
    async check({ signal }) { // its own limit counts: a command takes what it takes
      if (noneFree()) return unasked;
      const result = await run(spec.cmd, { signal, timeoutMs: spec.timeoutMs, maxOutputBytes });
      if (result.missing) return wrong(`${spec.cmd[0]} cannot be run: ${lastLine(result)}`);
      if (result.timedOut) return noAnswer(spec.timeoutMs);
      return result.code === 0 ? ready("exit 0") : waiting(ending(result));
    },
    [Symbol.dispose]() {},
  };
}

/** How a command that failed ended, with its last words. */
export function ending(result: CommandResult): string {
  const how = result.signal !== null ? `killed by ${result.signal}` : `exit ${result.code}`;
  const words = lastLine(result);
  return words ? `${how}: ${words}` : how;
}

function lastLine({ stdout, stderr }: CommandResult): string {
  const text = stderr.trim() || stdout.trim();
  const line = text.slice(text.lastIndexOf("\n") + 1);
  return line.replace(/\p{Cc}+/gu, " ").trim().slice(0, 200);
}
