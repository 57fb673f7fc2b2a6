/** `turns`: what the assistant's turns took, stage by stage. */
import { LoaderError } from "../errors.ts";
import { openTurns } from "../metrics/turns.ts";
import { isTerminal, print, printError } from "../sys/terminal.ts";
import { renderTurn, renderTurns, turnSummary } from "../ui/turns_view.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";

interface JsonFlags extends ConfigChoice {
  json?: boolean;
}

async function load(flags: ConfigChoice) {
  const { plan } = await loadPlan(flags);
  const { records, warnings } = openTurns(plan.dirs.state);
  for (const warning of warnings) printError(`warning: ${warning}`);
  return records;
}

export async function list(this: Cli, flags: JsonFlags): Promise<void> {
  const turns = await load(flags);
  if (flags.json) print(JSON.stringify({ turns, ...turnSummary(turns) }, null, 2));
  else print(renderTurns(turns, { color: isTerminal() }));
}

export async function show(this: Cli, flags: JsonFlags, which = "last"): Promise<void> {
  const turns = await load(flags);
  const back = which === "last" ? 1 : Number(/^-([1-9]\d{0,5})$/.exec(which)?.[1] ?? NaN);
  const turn = turns.at(-back);
  if (Number.isNaN(back) || !turn) {
    throw new LoaderError("usage", `there is no turn ${JSON.stringify(which)}: ${turns.length} are kept`, {
      hint: turns.length > 0
        ? `last or -1 is the newest, -${turns.length} the oldest`
        : "a satellite reports them (docs/contract.md §2)",
    });
  }
  if (flags.json) print(JSON.stringify(turn, null, 2));
  else print(renderTurn(turn, turns, { color: isTerminal() }));
}
