/** `status`, `start`, `restart`, `stop`, `mute`, `unmute`: asked of the running loader of this configuration. */
import { connectControl, type ControlClient } from "../api/client.ts";
import { ExitCode, LoaderError } from "../errors.ts";
import { systemClock } from "../sys/clock.ts";
import * as muting from "../api/routes/mute.ts";
import * as routes from "../api/routes/services.ts";
import { controlSocket } from "../api/types.ts";
import { kindOf } from "../sys/files/files.ts";
import { print } from "../sys/terminal.ts";
import { elsewhere as elsewhereRoute } from "../api/routes/elsewhere.ts";
import { renderElsewhere, renderStatus } from "../ui/status_view.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { Cli } from "./context.ts";

export interface JsonFlags extends ConfigChoice {
  json?: boolean;
}

export async function connect(
  flags: ConfigChoice,
): Promise<{ client: ControlClient; socket: string; elsewhere: boolean }> {
  const { plan } = await loadPlan(flags);
  const socket = controlSocket(plan.dirs.runtime);
  /** Other machines' loaders run services of it. */
  const elsewhere = plan.services.some((service) => service.elsewhere);
  return { client: connectControl(socket, { config: plan.configPath }), socket, elsewhere };
}

export async function status(this: Cli, flags: JsonFlags): Promise<void> {
  const { client, elsewhere } = await connect(flags);
  const answer = await client.status();
  const boxes = elsewhere ? await client.ask(elsewhereRoute, { signal: this.signals.stop }) : [];
  const whole = boxes.length > 0 ? { ...answer, elsewhere: boxes } : answer;
  print(flags.json ? JSON.stringify(whole, null, 2) : renderStatus(answer) + renderElsewhere(boxes));
}

export async function restart(this: Cli, flags: JsonFlags, service: string): Promise<void> {
  await become(this, flags, routes.restart, service, "is up again");
}

export async function start(this: Cli, flags: JsonFlags, service: string): Promise<void> {
  await become(this, flags, routes.start, service, "is up");
}

/** Asks that a service be another way, waits for it, and says how it is then. */
async function become(
  cli: Cli,
  flags: JsonFlags,
  route: typeof routes.start,
  service: string,
  done: string,
): Promise<void> {
  const { client } = await connect(flags);
  const answer = await client.ask(route, { name: service, withinMs: null, signal: cli.signals.stop });
  const { ok, state, problem } = answer;
  if (flags.json) print(JSON.stringify(answer, null, 2));
  else print(ok ? `${service} ${done}` : `${service} is ${state}: ${problem ?? "see the log"}`);
  if (!ok) cli.process.exitCode = ExitCode.boot;
}

export async function mute(this: Cli, flags: JsonFlags): Promise<void> {
  await listen(this, flags, muting.mute, "muted");
}

export async function unmute(this: Cli, flags: JsonFlags): Promise<void> {
  await listen(this, flags, muting.unmute, "unmuted");
}

async function listen(cli: Cli, flags: JsonFlags, route: typeof muting.mute, done: string): Promise<void> {
  const { client } = await connect(flags);
  const answer = await client.ask(route, { withinMs: null, signal: cli.signals.stop });
  if (flags.json) print(JSON.stringify(answer, null, 2));
  else print(answer.accepted ? done : `${done}; the wake word service does not run, the next copy is told`);
}

const stopLimitMs = 60_000;

export async function stop(this: Cli, flags: JsonFlags, service?: string): Promise<void> {
  if (service !== undefined) {
    return await become(this, flags, routes.stopOne, service, "is stopped, until it is started again");
  }
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
  print(flags.json ? JSON.stringify({ stopped: true }) : "stopped");
}
