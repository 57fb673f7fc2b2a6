/** `check` and `plan`: what a configuration means, without starting anything. */
import { missingCommands } from "../clean_start/commands.ts";
import { ConfigError } from "../config/mod.ts";
import { connectControl } from "../api/client.ts";
import { controlSocket } from "../api/types.ts";
import { gpuForecast } from "../gpu/decide/forecast.ts";
import { environment } from "../sys/host.ts";
import { resolveDemo } from "../sys/self.ts";
import { print } from "../sys/terminal.ts";
import { renderCheck, renderPlan } from "../ui/plan_view.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";
import { serviceTrees } from "./service_trees.ts";

interface JsonFlags extends ConfigChoice {
  json?: boolean;
}

export async function check(this: Cli, flags: JsonFlags & { all?: boolean }): Promise<void> {
  try {
    const { loaded, plan } = await loadPlan(flags);
    for (
      const { service, what } of await missingCommands(plan, { resolve: resolveDemo, env: environment() })
    ) {
      plan.warnings.push(
        `${service.name}: ${what} is not there; up would end with exit 3 (see demo and init)`,
      );
    }
    if (flags.json) {
      print(
        JSON.stringify({ ok: true, config: loaded.config, warnings: plan.warnings, problems: [] }, null, 2),
      );
    } else print(renderCheck(loaded, plan, flags));
  } catch (error) {
    if (!flags.json || !(error instanceof ConfigError)) throw error;
    print(JSON.stringify({ ok: false, problems: error.problems }, null, 2));
    this.process.exitCode = error.exitCode;
  }
}

export async function plan(this: Cli, flags: JsonFlags): Promise<void> {
  const { plan, history } = await loadPlan(flags);
  const client = connectControl(controlSocket(plan.dirs.runtime), { config: plan.configPath });
  const trees = await serviceTrees(client);
  plan.warnings.push(...await gpuForecast(plan, history.records, trees, this.signals.stop));
  print(flags.json ? JSON.stringify(plan, null, 2) : renderPlan(plan));
}
