/** `status`, `restart` and `stop`: asked of the running loader of this configuration. */
import { connectControl, type ControlClient } from "../api/client.ts";
import { ExitCode, LoaderError } from "../errors.ts";
import { systemClock } from "../sys/clock.ts";
import { controlSocket } from "../api/types.ts";
import { kindOf } from "../sys/files/files.ts";
import { print } from "../sys/terminal.ts";
import { renderStatus } from "../ui/status_view.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";

interface JsonFlags extends ConfigChoice {
  json?: boolean;
}

export async function connect(flags: ConfigChoice): Promise<{ client: ControlClient; socket: string }> {
  const { plan } = await loadPlan(flags);
  const socket = controlSocket(plan.dirs.runtime);
  return { client: connectControl(socket, { config: plan.configPath }), socket };
}

export async function status(this: Cli, flags: JsonFlags): Promise<void> {
  const { client } = await connect(flags);
  const answer = await client.status();
  print(flags.json ? JSON.stringify(answer, null, 2) : renderStatus(answer));
}

export async function restart(this: Cli, flags: JsonFlags, service: string): Promise<void> {
  const { client } = await connect(flags);
  const answer = await client.restart(service, this.signals.stop);
  if (flags.json) print(JSON.stringify(answer, null, 2));
  else {print(
      answer.ok
        ? `${service} is up again`
        : `${service} is ${answer.state}: ${answer.problem ?? "see the log"}`,
    );}
  if (!answer.ok) this.process.exitCode = ExitCode.boot;
}

const stopLimitMs = 60_000;

export async function stop(this: Cli, flags: ConfigChoice): Promise<void> {
  const { client, socket } = await connect(flags);
  await client.stop();
  const end = systemClock.now() + stopLimitMs;
  while (kindOf(socket) !== null) { // its socket is removed when everything of it is stopped
    if (systemClock.now() > end) {
      throw new LoaderError("control_failed", `the loader still runs after ${stopLimitMs / 1000} s`, {
        hint: "its log says who is in the way",
      });
    }
    await systemClock.sleep(20, this.signals.stop);
  }
  print("stopped");
}
