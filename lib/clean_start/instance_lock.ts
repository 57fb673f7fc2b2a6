/** One loader per state folder. Spec: §4. */
import { LoaderError, reasonOf } from "../errors.ts";
import type { BootPlan } from "../model/plan.ts";
import { type FileLock, lockFile, makePrivateDir, readSmallFile } from "../sys/files/files.ts";
import { ownPid } from "../sys/host.ts";

/** Makes the instance's folders and locks them. @throws LoaderError `state_unwritable`, or `already_running` that says who. */
export function lockInstance({ state, log, runtime }: BootPlan["dirs"]): FileLock {
  let lock: FileLock | null;
  let dir = state;
  try {
    for (dir of [state, log, runtime]) makePrivateDir(dir);
    dir = state;
    lock = lockFile(`${state}/lock`, String(ownPid));
  } catch (error) {
    throw new LoaderError("state_unwritable", `cannot write in ${dir}: ${reasonOf(error)}`, {
      hint: "set state_dir and log_dir to folders that you may write, not under /dev",
    });
  }
  if (lock) return lock;
  const who = readSmallFile(`${state}/lock`)?.trim();
  throw new LoaderError(
    "already_running",
    `this configuration is running already${who ? `: loader with pid ${who}` : ""}`,
    { hint: "see `alexa-loader status`, or stop it with `alexa-loader stop`" },
  );
}
