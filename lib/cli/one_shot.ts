/** `probe`, `warm` and `greet`: what a boot asks and does, once, for a health check or a start script. */
import { whenAborted } from "../async.ts";
import { ExitCode } from "../errors.ts";
import { Log } from "../log/mod.ts";
import type { WarmupSpec } from "../model/plan.ts";
import type { WarmupResult } from "../model/reports.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import { greetOnce, probe as ask, serviceOf, warm as warmUp } from "../loader/one_shot.ts";
import { print } from "../sys/terminal.ts";
import { seconds } from "../text.ts";
import type { Cli } from "./context.ts";

interface OneShotFlags extends ConfigChoice {
  wait?: boolean;
  /** Seconds. */
  timeout?: number;
}
interface ServiceFlags extends OneShotFlags {
  json?: boolean;
}

const exitOf = { ready: ExitCode.ok, not_ready: ExitCode.boot, unknowable: ExitCode.unknowable };
const toldAs = { ready: "ready", not_ready: "not ready", unknowable: "not to be asked" };
const inMs = (sec: number | undefined) => sec === undefined ? undefined : sec * 1000;

/** Ended by a signal it is not known, which is no fault of the program. */
async function orEnded(cli: Cli, act: () => Promise<ExitCode>): Promise<void> {
  try {
    cli.process.exitCode = await act();
  } catch (error) {
    if (!cli.signals.stop.aborted) throw error;
    print(`not known: ended by ${cli.signals.stop.reason}`);
    cli.process.exitCode = ExitCode.boot;
  }
}

export async function probe(
  this: Cli,
  flags: ServiceFlags & { health?: boolean },
  name: string,
): Promise<void> {
  await orEnded(this, () => probeOnce(this.signals.stop, flags, name));
}

async function probeOnce(
  signal: AbortSignal,
  flags: ServiceFlags & { health?: boolean },
  name: string,
): Promise<ExitCode> {
  const { plan } = await loadPlan(flags);
  const service = serviceOf(plan, name);
  const limit = inMs(flags.timeout);
  const times = flags.wait
    ? { waitMs: limit ?? service.readyTimeout.value }
    : { timeoutMs: limit ?? (flags.health ? service.health.timeoutMs : undefined) };
  const answer = await ask(plan, service, { ...times, health: flags.health, signal });
  tell(flags, name, answer.state, `${toldAs[answer.state]}: ${answer.detail}`);
  return exitOf[answer.state];
}

export async function warm(this: Cli, flags: ServiceFlags & { once?: boolean }, name: string): Promise<void> {
  await orEnded(this, () => warmOnce(this.signals.stop, flags, name));
}

async function warmOnce(
  signal: AbortSignal,
  flags: ServiceFlags & { once?: boolean },
  name: string,
): Promise<ExitCode> {
  const { plan } = await loadPlan(flags);
  const service = serviceOf(plan, name);
  const waitMs = flags.wait ? service.readyTimeout.value : undefined;
  const { state, detail } = await ask(plan, service, { signal, waitMs });
  if (state === "not_ready") { // where nobody can tell, the warm-up itself shows it
    tell(flags, name, state, `${toldAs[state]}: ${detail}`);
    return exitOf[state];
  }
  const result = await warmUp(plan, service, { signal, timeoutMs: inMs(flags.timeout), once: flags.once });
  tell(flags, name, result?.state ?? "warmed", warmthOf(result, service.warmup));
  return result?.state === "failed" && service.warmup.required ? ExitCode.boot : ExitCode.ok;
}

function warmthOf(result: WarmupResult | null, { kind, why, required }: WarmupSpec): string {
  if (kind === "none") return `nothing to warm: ${why}`;
  switch (result?.state) {
    case undefined:
      return "warmed before";
    case "warmed":
      return `warmed in ${seconds(result.ms)}${result.detail ? ` (${result.detail})` : ""}`;
    case "not_offered":
      return `not warmed, since that is not offered: ${result.detail}; ${result.hint}`;
    case "failed":
      return `not warmed: ${result.detail}${required ? "" : "; it is not required"}`;
  }
}

export async function greet(this: Cli, flags: OneShotFlags & { stay?: boolean }): Promise<void> {
  const { stop } = this.signals;
  await orEnded(this, async () => {
    const code = await greetWhenReady(stop, flags);
    if (flags.stay && code === ExitCode.ok) await whenAborted(stop);
    return code;
  });
}

async function greetWhenReady(signal: AbortSignal, flags: OneShotFlags): Promise<ExitCode> {
  const { plan } = await loadPlan(flags);
  const all = plan.services.reduce((ms, { readyTimeout }) => ms + readyTimeout.value, 0);
  const waitMs = flags.wait ? inMs(flags.timeout) ?? all : undefined;
  const answers = await Promise.all(plan.services.map((service) => ask(plan, service, { signal, waitMs })));
  for (const [i, { state, detail }] of answers.entries()) {
    if (state !== "ready") print(`${plan.services[i]!.name} is ${toldAs[state]}: ${detail}`);
  }
  if (answers.some(({ state }) => state === "not_ready")) return ExitCode.boot;
  await using log = new Log({ dir: null, console: "stdout" });
  const report = await greetOnce(plan, log, signal);
  if (typeof report === "string") log.info("LOADER", `Not greeting: ${report}`);
  else if (report.outcome === "failed" || report.outcome === "timeout") return ExitCode.boot;
  return ExitCode.ok;
}

function tell({ json }: ServiceFlags, service: string, state: string, words: string): void {
  print(json ? JSON.stringify({ service, state, detail: words }) : `${service} is ${words}`);
}
