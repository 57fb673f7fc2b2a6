/** What the commands share. */
import type { CommandContext } from "@stricli/core";
import type { SignalSource } from "../sys/process/signals.ts";

/** What every command gets. */
export interface Cli extends CommandContext {
  readonly process: CommandContext["process"] & { exitCode?: number | string | null };
  readonly signals: SignalSource;
}
