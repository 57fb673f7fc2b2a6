/** A file system of 64 KiB, to fill up. */

export interface SmallDisk extends Disposable {
  path: string;
  /** From now on there is room for 256 MiB. */
  grow(): void;
}

function run(command: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stderr: "null", stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** @throws when this user may not mount one: see {@link mayMount}. */
export function smallDisk(): SmallDisk {
  const path = Deno.makeTempDirSync({ prefix: "disk_" });
  if (!run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", path)) {
    Deno.removeSync(path);
    throw new Error("no small disk can be mounted here");
  }
  return {
    path,
    grow() {
      if (!run("mount", "-o", "remount,size=256m", path)) throw new Error("it cannot grow");
    },
    [Symbol.dispose]() {
      // Lazily: a process that another test is just starting may hold one of its files for a moment.
      run("umount", "-l", path);
      Deno.removeSync(path);
    },
  };
}

/** May this user mount one? A test that needs it is ignored otherwise, and so counted as skipped. */
export const mayMount: boolean = (() => {
  try {
    smallDisk()[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
})();
