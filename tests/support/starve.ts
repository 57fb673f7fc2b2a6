/** Takes a running process the descriptors away that it has not opened yet, and gives them back. */

/** The lowest number that is not open. */
function lowestFree(pid: number): number {
  const open = new Set([...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => Number(name)));
  for (let fd = 0;; fd++) if (!open.has(fd)) return fd;
}

function prlimit(...args: string[]): boolean {
  try {
    return new Deno.Command("prlimit", { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** There is a `prlimit` (util-linux). */
export const canStarve = prlimit("--version");

const lookMs = 10, settledMs = 100;

/**
 * From its resolution until its disposal the process cannot open anything more: no file, no connection, no child. What it
 * closes meanwhile is taken away as well.
 */
export async function starve(pid: number): Promise<Disposable> {
  const [, soft] = /^Max open files +(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/limits`))!;
  let limit = Number(soft);
  const settled = Promise.withResolvers<void>();
  let changedAt = performance.now();
  const look = () => {
    try {
      const free = lowestFree(pid);
      if (free < limit) {
        prlimit(`--pid=${pid}`, `--nofile=${limit = free}:`);
        changedAt = performance.now();
      }
    } catch { /* it has ended, which is the test's to notice */ }
    if (performance.now() - changedAt > settledMs) settled.resolve();
  };
  look();
  const looks = setInterval(look, lookMs);
  await settled.promise;
  return {
    [Symbol.dispose]() {
      clearInterval(looks);
      prlimit(`--pid=${pid}`, `--nofile=${soft}:`);
    },
  };
}
