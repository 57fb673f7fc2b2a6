/** What systemd, or whoever started this program as its service, says in the environment. sd_notify(3), sd_watchdog_enabled(3). */
import { libc } from "./process/libc.ts";

export interface ServiceManager {
  /** Where it listens: a path, or `@` and an abstract name. */
  socket: string;
  /** It wants a sign of life at least so often, ms; null: it does not watch us. */
  watchdogMs: number | null;
}

const variables = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];
const taken: Record<string, string> = {};

/** What was taken out of the environment, for another version of this program in our place. */
export const takenVariables = (): Readonly<Record<string, string>> => taken;

const CLOCK_MONOTONIC = 1;

/**
 * Who watches over this program; null: nobody who wants to be told. To be called once, before anything is started: it takes
 * what is meant for us out of the environment, which the services inherit.
 */
export function takeServiceManager(): ServiceManager | null {
  const [socket, usec, pid] = variables.map((name) => {
    const value = Deno.env.get(name);
    if (value !== undefined) taken[name] = value;
    Deno.env.delete(name);
    return value;
  });
  if (!socket) return null;
  const wanted = /^\d{1,15}$/.test(usec ?? "") && (!pid || Number(pid) === Deno.pid) ? Number(usec) : 0;
  return { socket, watchdogMs: wanted > 0 ? wanted / 1000 : null };
}

/** The kernel's monotonic time in ms; 0 where it cannot be asked. */
export const kernelMs = (): number => Number(monotonicUsec() ?? 0n) / 1000;

/** The kernel's monotonic time, µs; null where it cannot be asked. */
export function monotonicUsec(): bigint | null {
  const time = new BigInt64Array(2); // seconds, nanoseconds
  if (libc()?.clock_gettime(CLOCK_MONOTONIC, new Uint8Array(time.buffer)) !== 0) return null;
  return time[0]! * 1_000_000n + time[1]! / 1000n;
}
