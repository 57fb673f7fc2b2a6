/** Ready when a command of the user's exits with 0. Spec: §6; CONTRACT §2. */
import type { CommandResult } from "../sys/process/command.ts";
import { noneFree } from "../sys/process/descriptors.ts";
import { shellWord } from "../text.ts";
import { probeKind } from "./kind.ts";
import { noAnswer, ready, unasked, waiting, wrong } from "./results.ts";

const maxOutputBytes = 16 * 1024;
/** For one run while readiness is awaited, ms. */
const usualMs = 5000;

export const exec = probeKind({
  type: "exec",
  schema: ({ z, argv }) =>
    z.strictObject({
      type: z.literal("exec").describe("Ready when a command exits 0"),
      cmd: argv().describe("Command and arguments, without a shell"),
      timeout_ms: z.number().min(10).max(600_000).optional().describe(
        `How long one run may take; ${usualMs}, and for health \`health.timeout_ms\`, when left out`,
      ),
    }),
  plan: ({ cmd, timeout_ms }, { argv, execMs }) => ({
    cmd: argv(cmd),
    timeoutMs: timeout_ms ?? execMs ?? usualMs,
  }),
  describe: ({ cmd }) => `exec ${cmd.map(shellWord).join(" ")} exits 0`,
  brief: ({ cmd }) => `exec ${cmd.join(" ")}`,
  create: ({ cmd, timeoutMs }, _target, { run }) => ({
    async check({ signal }) { // its own limit counts: a command takes what it takes
      if (noneFree()) return unasked;
      const result = await run(cmd, { signal, timeoutMs, maxOutputBytes });
      if (result.missing) return wrong(`${cmd[0]} cannot be run: ${lastLine(result)}`);
      if (result.timedOut) return noAnswer(timeoutMs);
      return result.code === 0 ? ready("exit 0") : waiting(ending(result));
    },
  }),
});

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
