/** Facts of this process and this machine, asked of the runtime in one place. */
import { readBytes } from "./process/libc.ts";
import { readStat } from "./process/procfs.ts";

/** The environment this program was started with. */
export const environment = (): Record<string, string> => Deno.env.toObject();
export const workingDirectory = (): string => Deno.cwd();
export const ownPid: number = Deno.pid;
export const ownArguments: readonly string[] = Deno.args;
export const userId = (): number => Deno.uid() ?? -1;
export const runtimeVersion: string = Deno.version.deno;
export const isLinux: boolean = Deno.build.os === "linux";

/** How long ago this program's process was started, in ms, to 10 ms; the runtime's own start where the kernel does not tell. */
export function programAgeMs(): number {
  const uptime = readBytes("/proc/uptime");
  const stat = readStat(Deno.pid);
  if (!uptime || !stat) return performance.now();
  const age = Number(new TextDecoder().decode(uptime).split(" ")[0]) * 1000 - stat.startTime * 10;
  return Math.max(age, performance.now());
}

/** Random hexadecimal digits. */
export function randomHex(digits: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.ceil(digits / 2)));
  return bytes.toHex().slice(0, digits);
}

/** Tells nothing of the secret by the time it takes, but its length. */
export function isSameSecret(given: string, secret: string): boolean {
  if (given.length !== secret.length) return false;
  let differ = 0;
  for (let i = 0; i < secret.length; i++) differ |= given.charCodeAt(i) ^ secret.charCodeAt(i);
  return differ === 0;
}

/** Absolute path with links resolved; the path itself when it is not there. */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** The file that `program` would run, looked for as a shell does; null when there is none that may be executed. */
export function findProgram(program: string, cwd: string, path: string): string | null {
  const candidates = program.includes("/")
    ? [program.startsWith("/") ? program : `${cwd}/${program}`]
    : path.split(":").map((folder) => `${folder || cwd}/${program}`);
  for (const candidate of candidates) {
    try {
      const info = Deno.statSync(candidate);
      if (info.isFile && (info.mode === null || (info.mode & 0o111) !== 0)) return candidate;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return candidate; // under /dev: whoever starts it will see
    }
  }
  return null;
}
