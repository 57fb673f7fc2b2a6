/** `install` and `uninstall`: systemd's unit of the loader in its place, and away again. */
import { exportSystemd, unitName } from "../export/systemd.ts";
import { LoaderError } from "../errors.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import { kindOf, readSmallFile, removeIfThere } from "../sys/files/files.ts";
import { environment } from "../sys/host.ts";
import { runCommand } from "../sys/process/command.ts";
import { print } from "../sys/terminal.ts";
import { shellWord } from "../text.ts";
import type { Cli } from "./context.ts";
import { systemdExport, writeFile } from "./export.ts";

interface InstallFlags extends ConfigChoice {
  system?: boolean;
  dryRun?: boolean;
  program?: string;
}

/** How a unit of ours begins. */
const mark = "# Written by alexa-loader ";
const managerMs = 60_000;

export async function install(this: Cli, flags: InstallFlags): Promise<void> {
  const { plan, options } = await systemdExport({ ...flags, user: !flags.system });
  const { name, text } = exportSystemd(plan, options)[0]!;
  const path = placeOf(flags, name);
  if (flags.dryRun) print(`would write ${path}:\n\n${text}`);
  else {
    writeFile(path, text);
    print(`wrote ${path}`);
  }
  await systemctl(flags, ["daemon-reload"]);
  await systemctl(flags, ["enable", name]);
  const start = [...control(flags), "start", name].join(" ");
  print(`\nNext: \`${start}\`; its log: \`journalctl ${flags.system ? "" : "--user "}--unit ${name}\`.`);
  if (!flags.system && !lingers()) {
    print("It starts when you log in; to have it run from the machine's start on: `loginctl enable-linger`.");
  }
}

export async function uninstall(this: Cli, flags: InstallFlags): Promise<void> {
  const { plan } = await loadPlan(flags);
  const name = unitName(plan);
  const path = placeOf(flags, name);
  if (kindOf(path) === null) return print(`nothing to undo: there is no ${path}`);
  await systemctl(flags, ["disable", "--now", name]);
  if (flags.dryRun) print(`would remove ${path}`);
  else if (removeIfThere(path)) print(`removed ${path}`);
  else throw new LoaderError("usage", `cannot remove ${path}`);
  await systemctl(flags, ["daemon-reload"]);
}

const control = ({ system }: InstallFlags): string[] => system ? ["systemctl"] : ["systemctl", "--user"];

/** Where the unit belongs. @throws LoaderError `usage` when one that is not ours is there. */
function placeOf({ system }: InstallFlags, name: string): string {
  const { XDG_CONFIG_HOME: own, HOME = "/" } = environment();
  const config = own?.startsWith("/") ? own : `${HOME}/.config`;
  const path = `${system ? "/etc/systemd/system" : `${config}/systemd/user`}/${name}`;
  if (kindOf(path) !== null && !readSmallFile(path)?.startsWith(mark)) {
    throw new LoaderError("usage", `${path} is there, and not of alexa-loader`, {
      hint: "move it away, or give this assistant another name (loader.name)",
    });
  }
  return path;
}

/** Where systemd cannot be asked, whoever calls is told what to do there. */
async function systemctl(flags: InstallFlags, words: readonly string[]): Promise<void> {
  const argv = [...control(flags), ...words];
  const line = argv.map(shellWord).join(" ");
  if (flags.dryRun) return print(`would run ${line}`);
  const { code, stderr } = await runCommand(argv, { timeoutMs: managerMs });
  print(code === 0 ? `ran ${line}` : `left to you: ${line} (${stderr.trim().split("\n")[0] || "no answer"})`);
}

function lingers(): boolean {
  const { USER } = environment();
  return USER !== undefined && kindOf(`/var/lib/systemd/linger/${USER}`) !== null;
}
