/** What a file system has left, and how a folder is mounted. */
import { statfs } from "node:fs/promises";
import { readBytes } from "../process/libc.ts";

export interface DiskFacts {
  freeMib: number;
  totalMib: number;
  freeInodes: number;
  totalInodes: number;
  /** "ext4"; null where the kernel does not tell. */
  type: string | null;
  readOnly: boolean;
}

/** The file system that `path` is on. Does not stop the program while a network disk is away. @throws when there is no `path`. */
export async function diskOf(path: string): Promise<DiskFacts> {
  const { bsize, bavail, blocks, files, ffree } = await statfs(path);
  const mib = (count: number) => Math.floor(count * bsize / 2 ** 20);
  const mounts = new TextDecoder().decode(readBytes("/proc/self/mountinfo") ?? new Uint8Array());
  return {
    freeMib: mib(bavail),
    totalMib: mib(blocks),
    freeInodes: ffree,
    totalInodes: files,
    ...mountOf(mounts, path),
  };
}

/** Which of these mounts (the text of mountinfo) an absolute path is on. Pure. */
export function mountOf(mounts: string, path: string): Pick<DiskFacts, "type" | "readOnly"> {
  let best = { at: "", type: null as string | null, readOnly: false };
  for (const line of mounts.split("\n")) {
    // Id, parent, device, root, mount point, options, optional fields, "-", type, source, super options.
    const [, , , , point = "", options = ""] = line.split(" ");
    const [type = "", , superOptions = ""] = line.split(" - ")[1]?.split(" ") ?? [];
    const at = point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    const holds = at === "/" || path === at || path.startsWith(`${at}/`);
    if (at === "" || !holds || at.length < best.at.length) continue; // of two on one place the later one is seen
    const readOnly = [options, superOptions].some((words) => words.split(",").includes("ro"));
    best = { at, type, readOnly };
  }
  return { type: best.type, readOnly: best.readOnly };
}
