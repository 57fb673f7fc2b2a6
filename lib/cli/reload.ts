/** `reload`: the running loader takes its changed configuration over. */
import { reload as route } from "../api/routes/reload.ts";
import { ExitCode } from "../errors.ts";
import type { ConfigChoice } from "../loader/load_plan.ts";
import { print } from "../sys/terminal.ts";
import { renderReload } from "../ui/reload_view.ts";
import type { Cli } from "./context.ts";
import { connect } from "./running.ts";

interface ReloadFlags extends ConfigChoice {
  json?: boolean;
  dryRun?: boolean;
  exec?: boolean;
}

export async function reload(this: Cli, flags: ReloadFlags): Promise<void> {
  if (flags.exec) return await (await import("./upgrade.ts")).reloadExec(this, flags);
  const { client } = await connect(flags); // which has read the file, too: what is wrong in it is told by that
  const dryRun = flags.dryRun ?? false;
  const query = { dry_run: String(dryRun) };
  const report = await client.ask(route, { query, withinMs: null, signal: this.signals.stop });
  print(flags.json ? JSON.stringify(report, null, 2) : renderReload(report, dryRun));
  if (report.failed.length > 0) this.process.exitCode = ExitCode.boot;
}
