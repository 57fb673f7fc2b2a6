/** `vram`: asks the GPU itself, so it works without a running loader; with one, memory is told by service. */
import { connectControl } from "../control/client.ts";
import { controlSocket } from "../control/types.ts";
import { LoaderError } from "../errors.ts";
import { commandOf, openGpu, vramReport } from "../gpu/mod.ts";
import { isAbort, systemClock } from "../sys/clock.ts";
import { environment } from "../sys/host.ts";
import { family } from "../sys/procfs.ts";
import { print } from "../sys/terminal.ts";
import { renderVram, vramJson } from "../ui/vram_view.ts";
import { type ConfigChoice, loadPlan } from "../load.ts";
import type { Cli } from "./mod.ts";

const everyMs = 2000;

export async function vram(
  this: Cli,
  flags: ConfigChoice & { json?: boolean; watch?: boolean },
): Promise<void> {
  const signal = this.signals.stop;
  await using source = await openGpu({ index: null, env: environment(), clock: systemClock, signal });
  try {
    for (;;) {
      const report = await vramReport({ source, trees: await serviceTrees(flags), commandOf, signal });
      print(
        flags.json
          ? JSON.stringify(vramJson(report), null, flags.watch ? 0 : 2)
          : renderVram(report).join("\n"),
      );
      if (!flags.watch) return;
      await systemClock.sleep(everyMs, signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
  }
}

/** Process trees of the running loader's services; empty where none runs or no configuration is there. */
async function serviceTrees(flags: ConfigChoice): Promise<Map<string, Set<number>>> {
  try {
    const { plan } = await loadPlan(flags);
    const { services } = await connectControl(controlSocket(plan.dirs.runtime), {
      config: plan.configPath,
    }).status();
    return new Map(
      services.filter((service) => service.pid !== null)
        .map((service) => [service.name, new Set(family(service.pid!).map((stat) => stat.pid))]),
    );
  } catch (error) {
    if (error instanceof LoaderError) return new Map();
    throw error;
  }
}
