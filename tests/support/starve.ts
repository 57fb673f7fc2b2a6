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

export interface Starved extends Disposable {
  /** What it closes from now on is its own again, as what it kept back for this is. */
  takeNoMore(): void;
}

/**
 * From its resolution until its disposal the process cannot open anything more: no file, no connection, no child. What it
 * closes meanwhile is taken away as well.
 */
export async function starve(pid: number): Promise<Starved> {
  const [, soft] = /^Max open files +(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/limits`))!;
  let limit = Number(soft);
  let last = -1;
  const settled = Promise.withResolvers<void>();
  let changedAt = performance.now();
  const look = () => {
    try {
      const free = lowestFree(pid);
      // One that is closed and opened again in a moment is in use.
      if (free < limit && free === last) {
        prlimit(`--pid=${pid}`, `--nofile=${limit = free}:`);
      }
      if (free !== last) changedAt = performance.now();
      last = free;
    } catch { /* it has ended, which is the test's to notice */ }
    if (performance.now() - changedAt > settledMs) settled.resolve();
  };
  look();
  const looks = setInterval(look, lookMs);
  await settled.promise;
  const takeNoMore = () => clearInterval(looks);
  return {
    takeNoMore,
    [Symbol.dispose]() {
      takeNoMore();
      prlimit(`--pid=${pid}`, `--nofile=${soft}:`);
    },
  };
}
