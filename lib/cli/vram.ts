/** `vram`: asks the GPU itself, so it works without a running loader; with one, memory is told by service. */
import { connectControl, type ControlClient } from "../api/client.ts";
import { controlSocket } from "../api/types.ts";
import { LoaderError } from "../errors.ts";
import { commandOf, openGpu, vramReport } from "../gpu/mod.ts";
import { isAbort, systemClock } from "../sys/clock.ts";
import { environment } from "../sys/host.ts";
import { print } from "../sys/terminal.ts";
import { renderVram, vramJson } from "../ui/vram_view.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";
import { serviceTrees } from "./service_trees.ts";

const everyMs = 2000;

export async function vram(
  this: Cli,
  flags: ConfigChoice & { json?: boolean; watch?: boolean },
): Promise<void> {
  const signal = this.signals.stop;
  try {
    await using source = await openGpu({ index: null, env: environment(), clock: systemClock, signal });
    const client = await loaderOf(flags);
    for (;;) {
      const report = await vramReport({ source, trees: await serviceTrees(client), commandOf, signal });
      print(
        flags.json
          ? JSON.stringify(vramJson(report), null, flags.watch ? 0 : 2)
          : renderVram(report).join("\n"),
      );
      if (!flags.watch || source.kind === "none") return;
      await systemClock.sleep(everyMs, signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error; // Ctrl-C is how one ends it
  }
}

/** The loader of this configuration, running or not; null where there is no configuration, which is no fault here. */
async function loaderOf(flags: ConfigChoice): Promise<ControlClient | null> {
  try {
    const { plan } = await loadPlan(flags);
    return connectControl(controlSocket(plan.dirs.runtime), { config: plan.configPath });
  } catch (error) {
    if (error instanceof LoaderError && flags.config === undefined) return null;
    throw error;
  }
}
