/** `logs`: the log files, with a running loader or without one. */
import { LoaderError } from "../errors.ts";
import { nearest } from "../did_you_mean.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import { followLines, lastLines, type LogLine, type LogQuestion, tagOf } from "../log/reader.ts";
import { compilePattern } from "../pattern.ts";
import { systemClock } from "../sys/clock.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";

interface LogsFlags extends ConfigChoice {
  json?: boolean;
  follow?: boolean;
  since?: number;
  grep?: string;
  tail?: number;
}

/** Without `--tail` and `--since`. */
const usualTail = 100;

export async function logs(this: Cli, flags: LogsFlags, service?: string): Promise<void> {
  const { plan } = await loadPlan(flags);
  const names = ["loader", ...plan.services.map(({ name }) => name)];
  if (service !== undefined && !names.includes(service)) {
    const near = nearest(service, names);
    throw new LoaderError("unknown_service", `there is no service ${JSON.stringify(service)}`, {
      hint: near === null ? `services: ${names.join(", ")}` : `did you mean ${near}?`,
    });
  }
  const question: LogQuestion = {
    dir: plan.dirs.log,
    tag: service === undefined ? null : tagOf(service),
    since: flags.since === undefined ? undefined : systemClock.wall().getTime() - flags.since * 1000,
    grep: flags.grep === undefined ? undefined : await patternOf(flags.grep),
    tail: flags.tail ?? (flags.since === undefined ? usualTail : Infinity),
  };
  const signal = this.signals.stop;
  const lines = flags.follow
    ? followLines(question, { clock: systemClock, signal })
    : await lastLines(question);
  for await (const line of lines) print(flags.json ? JSON.stringify(line) : text(line));
}

const text = ({ at, tag, level, message }: LogLine): string => `${at} ${tag.padEnd(8)} ${level} = ${message}`;

async function patternOf(source: string) {
  try {
    return await compilePattern(source);
  } catch (error) {
    throw new LoaderError("usage", `--grep ${JSON.stringify(source)}: ${(error as Error).message}`);
  }
}
