/** What the commands share. */
import type { Application, CommandContext } from "@stricli/core";
import type { SignalSource } from "../sys/process/signals.ts";

/** What every command gets. */
export interface Cli extends CommandContext {
  readonly process: CommandContext["process"] & { exitCode?: number | string | null };
  readonly signals: SignalSource;
  /** All commands: for what tells about them. */
  readonly app?: Application<Cli>;
}
