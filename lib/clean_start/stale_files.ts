/** Sockets and PID files of earlier runs: removed only when nobody is behind them. Spec: §4. */
import type { BootPlan } from "../model/plan.ts";
import { kindOf, readSmallFile, removeIfThere } from "../sys/files/files.ts";
import { isUnixSocketDead, ownership, startedAt } from "../sys/process/precheck.ts";
import { commandLine, describePid, isGone, readStat } from "../sys/process/procfs.ts";
import { unixSocketInUse } from "../sys/process/sockets.ts";
import type { HygieneLog } from "./leftovers.ts";

/** Wall clocks are set now and then, and files have coarse times: so much later than its file a process must be, ms. */
const clockSlackMs = 2000;

/** Removes what is stale, tells what it keeps and why. Returns the paths that were removed. */
export async function removeStaleFiles(
  plan: BootPlan,
  resolve: (argv: readonly string[]) => string[],
  log: HygieneLog,
): Promise<string[]> {
  const removed: string[] = [];
  const settle = (path: string, what: string, keptBecause: string | null, staleBecause: string) => {
    if (keptBecause !== null) log.warning("LOADER", `Keeping ${path}: ${keptBecause}`);
    else if (removeIfThere(path)) {
      log.info("LOADER", `Removed ${what} ${path}: ${staleBecause}`);
      removed.push(path);
    } else if (kindOf(path) !== null) log.warning("LOADER", `${what} ${path} cannot be removed`);
  };
  for (const path of plan.hygiene.unixSockets) {
    const kept = await whyKeepSocket(path);
    if (kept !== undefined) settle(path, "stale socket", kept, "nobody listens on it");
  }
  const commands = plan.services.map((service) => resolve(service.argv));
  for (const path of plan.hygiene.pidFiles) {
    const found = judgePidFile(path, commands);
    if (found) settle(path, "stale PID file", found.kept, found.stale);
  }
  return removed;
}

/** Undefined: nothing is there. Null: it may go. */
async function whyKeepSocket(path: string): Promise<string | null | undefined> {
  const kind = kindOf(path);
  if (kind === null) return undefined;
  if (kind !== "socket") return `it is no socket but a ${kind === "other" ? "special file" : kind}`;
  if (unixSocketInUse(path) || !await isUnixSocketDead(path)) return "somebody listens on it";
  return null;
}

function judgePidFile(
  path: string,
  commands: readonly string[][],
): { kept: string | null; stale: string } | null {
  const kind = kindOf(path);
  if (kind === null) return null;
  const keep = (kept: string) => ({ kept, stale: "" });
  if (kind !== "file") return keep(`it is no PID file but a ${kind === "other" ? "special file" : kind}`);
  const digits = /^\s*(\d{1,7})\s*$/.exec(readSmallFile(path, 64) ?? "")?.[1];
  if (digits === undefined) return keep("it holds no process number");
  const pid = Number(digits);
  const stale = (why: string) => ({ kept: null, stale: why });
  if (isGone(readStat(pid))) return stale(`process ${pid} is gone`);
  const written = ownership(path)?.changedAt ?? Infinity;
  const began = startedAt(pid) ?? 0;
  // A machine without a battery clock dates its first files wrongly: a process that runs a configured command is believed.
  const argv = commandLine(pid);
  const isService = commands.some((command) =>
    command.length === argv.length && command.every((arg, i) => i === 0 || arg === argv[i])
  );
  if (began > written + clockSlackMs && !isService) {
    return stale(`${describePid(pid)} was started after the file was written`);
  }
  return keep(`${describePid(pid)} is alive`);
}
