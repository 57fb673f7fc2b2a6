/** The loader that runs, and what an earlier one left. */
import { parseState } from "../../clean_start/state_file.ts";
import type { BootRecord } from "../../model/boot_record.ts";
import type { BootPlan } from "../../model/plan.ts";
import type { LoaderStatus } from "../../model/status.ts";
import { kindOf, readSmallFile } from "../../sys/files/files.ts";
import { startedAt } from "../../sys/process/precheck.ts";
import { isSame } from "../../sys/process/process.ts";
import {
  childPids,
  commandLine,
  describePid,
  family,
  isGone,
  machineBootId,
  readStat,
} from "../../sys/process/procfs.ts";
import { version } from "../../version.ts";
import type { LoaderFacts } from "../facts.ts";
import { kernelText } from "./looking.ts";

interface Context {
  plan: BootPlan | null;
  status: LoaderStatus | null;
  unanswered: string | null;
  records: readonly BootRecord[];
  env: Readonly<Record<string, string | undefined>>;
}

export function lookAtLoader({ plan, status, unanswered, records, env }: Context): LoaderFacts {
  const config = env.XDG_CONFIG_HOME || `${env.HOME}/.config`;
  const started = status && startedAt(status.pid);
  const recorded = Date.parse(records.findLast(({ boot }) => boot === status?.boot)?.at ?? "");
  return {
    status,
    unanswered,
    version,
    userUnit: status
      ? kernelText(`/proc/${status.pid}/cgroup`).includes("/user@")
      : kindOf(`${config}/systemd/user/alexa-loader.service`) !== null,
    guarded: status && status.state !== "PRECHECK" && plan?.onLoaderDeath === "stop"
      ? guarded(status.pid)
      : null,
    clockMovedSec: started === null || Number.isNaN(recorded) ? null : (started - recorded) / 1000,
    leftovers: plan && status === null ? leftovers(plan.dirs.state) : [],
  };
}

function guarded(loader: number): boolean | null {
  return childPids(loader)?.some((pid) => commandLine(pid).includes("alexa-loader-guardian")) ?? null;
}

/** Services on record that live. */
function leftovers(stateDir: string): string[] {
  const state = parseState(readSmallFile(`${stateDir}/state.json`) ?? "");
  if (typeof state === "string" || state.machineBoot !== machineBootId()) return [];
  return [...state.services].flatMap(([name, record]) => {
    const stat = readStat(record.pid);
    return isGone(stat) || !isSame(stat, record) ? [] : [`${name}: ${describePid(record.pid)}`];
  });
}

/** Process trees of the services that run. */
export function treesOf(status: LoaderStatus | null): Map<string, Set<number>> {
  return new Map(
    status?.services.filter(({ pid }) => pid !== null)
      .map(({ name, pid }) => [name, new Set(family(pid!).map((stat) => stat.pid))]),
  );
}
