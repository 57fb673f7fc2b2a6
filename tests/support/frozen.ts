/** A process that not even SIGKILL ends, for as long as the test wants: in a frozen cgroup (v1), which only root can make. */
const root = "/sys/fs/cgroup/freezer";

/** Why no process can be frozen here; null when it can. */
export function cannotFreeze(): string | null {
  const probe = `${root}/alexa-loader-test-${crypto.randomUUID()}`;
  try {
    Deno.mkdirSync(probe);
    Deno.removeSync(probe);
    return null;
  } catch {
    return `needs root and the freezer of cgroup v1 at ${root}`;
  }
}

/** Freezes `pid` until disposed. */
export function freeze(pid: number): Disposable {
  const group = `${root}/alexa-loader-test-${crypto.randomUUID()}`;
  Deno.mkdirSync(group);
  Deno.writeTextFileSync(`${group}/cgroup.procs`, String(pid));
  Deno.writeTextFileSync(`${group}/freezer.state`, "FROZEN");
  return {
    [Symbol.dispose]() {
      Deno.writeTextFileSync(`${group}/freezer.state`, "THAWED");
      for (let tries = 0; tries < 200; tries++) {
        try {
          return Deno.removeSync(group);
        } catch { // whoever is in it is about to end, or goes back
          try {
            for (const left of Deno.readTextFileSync(`${group}/cgroup.procs`).split("\n").filter(Boolean)) {
              Deno.writeTextFileSync(`${root}/cgroup.procs`, left);
            }
          } catch { /* it ended meanwhile */ }
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
        }
      }
    },
  };
}
