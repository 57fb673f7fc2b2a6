/** `boots`: the history on disk, as tables and pictures. */
import { findBoot, renderTrace } from "../metrics/mod.ts";
import { type History, openHistory } from "../metrics/history.ts";
import type { BootRecord } from "../model/boot_record.ts";
import { LoaderError } from "../errors.ts";
import { writeAtomically } from "../sys/files/files.ts";
import { isTerminal, print, printError, terminalWidth } from "../sys/terminal.ts";
import { renderDiff } from "../ui/boots_diff.ts";
import { renderBoot, renderBoots } from "../ui/boots_view.ts";
import { renderHtml } from "../ui/timeline_html.ts";
import { renderSvg } from "../ui/timeline_svg.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";

interface JsonFlags extends ConfigChoice {
  json?: boolean;
}

async function open(flags: ConfigChoice): Promise<History> {
  const { plan } = await loadPlan(flags);
  const history = openHistory(plan.dirs.state);
  for (const warning of history.warnings) printError(`warning: ${warning}`);
  return history;
}

const view = () => ({ width: terminalWidth(), color: isTerminal() });

function find(records: readonly BootRecord[], id?: string) {
  const found = findBoot(records, id);
  if (found instanceof LoaderError) throw found;
  return found;
}

export async function list(this: Cli, flags: JsonFlags): Promise<void> {
  const { records } = await open(flags);
  print(flags.json ? JSON.stringify(records, null, 2) : renderBoots(records, view()));
}

export async function show(
  this: Cli,
  flags: JsonFlags & { svg?: string; html?: string; trace?: string },
  id?: string,
): Promise<void> {
  const { record, earlier } = find((await open(flags)).records, id);
  const files: [string | undefined, () => string][] = [
    [flags.svg, () => renderSvg(record)],
    [flags.html, () => renderHtml(record, earlier)],
    [flags.trace, () => renderTrace(record)],
  ];
  for (const [path, render] of files) {
    if (path === undefined) continue;
    writeAtomically(path, render(), { mode: 0o644 });
    print(`wrote ${path}`);
  }
  if (flags.json) print(JSON.stringify(record, null, 2));
  else if (files.every(([path]) => path === undefined)) print(renderBoot(record, earlier, view()));
}

export async function diff(this: Cli, flags: JsonFlags, a: string, b: string): Promise<void> {
  const { records } = await open(flags);
  const [from, to] = [find(records, a).record, find(records, b).record];
  print(flags.json ? JSON.stringify([from, to], null, 2) : renderDiff(from, to, { color: isTerminal() }));
}
