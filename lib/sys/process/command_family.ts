/** Who belongs to a command that the loader runs itself: known by a mark of its own in the environment. Spec: §4; CONTRACT §8. */
import { ProcessFamily } from "./process_family.ts";
import { environmentOf, readStat } from "./procfs.ts";

/** In the environment of every command that the loader runs itself, with a value of its own for each run. */
export const commandVariable = "ALEXA_COMMAND";

export class CommandFamily extends ProcessFamily {
  /** The family of a command that was just started. `mark`: its value of ALEXA_COMMAND. */
  constructor(pid: number, mark: string) {
    super(
      { pid, startTime: readStat(pid)?.startTime ?? 0 },
      (stat) => environmentOf(stat.pid, commandVariable) === mark,
    );
  }
}
