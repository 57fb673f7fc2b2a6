/** A command of the user's that makes the service infer once, and exits with 0. Spec: §9; CONTRACT §4. */
import { shellWord } from "../text.ts";
import { warmupKind } from "./kind.ts";
import { failed } from "./results.ts";

const maxOutputBytes = 16 * 1024;

export const exec = warmupKind({
  kind: "exec",
  schema: ({ z, argv }, common) =>
    z.strictObject({
      kind: z.literal("exec").describe("A command that exits 0"),
      ...common,
      cmd: argv().describe("Command and arguments, without a shell"),
    }),
  plan: ({ cmd }, { argv }) => ({ kind: "exec", cmd: argv(cmd!) }),
  describe: ({ cmd }) => `exec ${cmd.map(shellWord).join(" ")}`,
  where: ({ cmd }) => cmd[0]!,
  async run({ cmd }, { clock, signal, timeoutMs, ...deps }) {
    const began = clock.now();
    // The warm-up's own time ends with the signal; the command's limit only stands behind it.
    const result = await deps.run(cmd, { signal, timeoutMs: timeoutMs + 1000, maxOutputBytes });
    if (result.code === 0) return { state: "warmed", ms: clock.now() - began };
    const words = (result.stderr.trim() || result.stdout.trim()).replace(/\p{Cc}+/gu, " ").slice(0, 200);
    if (result.missing) return failed(`${cmd[0]} cannot be run: ${words}`);
    const how = result.signal === null ? `ended with exit ${result.code}` : `was killed by ${result.signal}`;
    return failed(`${cmd[0]} ${how}${words ? `: ${words}` : ""}`);
  },
});
