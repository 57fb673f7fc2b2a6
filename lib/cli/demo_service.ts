/** `demo-service ROLE …`: the hidden command by which the program plays one of its own stand-ins. */
import { parseDemoArguments } from "../demo/options.ts";
import { runDemoService } from "../demo/run.ts";
import { ExitCode } from "../errors.ts";
import type { SignalSource } from "../sys/process/signals.ts";
import { printError } from "../sys/terminal.ts";

export async function demoServiceMain(args: string[], signals: SignalSource): Promise<number> {
  const parsed = parseDemoArguments(args);
  if (parsed.ok) return await runDemoService(parsed.role, parsed.options, signals.stop);
  printError(parsed.message);
  return ExitCode.usage;
}
