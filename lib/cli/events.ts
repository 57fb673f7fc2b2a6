/** `events` and `wait`: what happens in the running loader. */
import { events as route } from "../api/routes/events.ts";
import { ExitCode, LoaderError } from "../errors.ts";
import { isRecord, parseJson } from "../shape.ts";
import { deadline, isAbort, systemClock } from "../sys/clock.ts";
import { print } from "../sys/terminal.ts";
import { connect, type JsonFlags } from "./running.ts";
import type { Cli } from "./context.ts";

export async function events(this: Cli, flags: JsonFlags & { follow?: boolean }): Promise<void> {
  const { client } = await connect(flags);
  const signal = this.signals.stop;
  const query = { follow: String(flags.follow ?? false) };
  let id = "";
  try {
    for await (const line of client.lines(route, { query, signal })) {
      if (line.startsWith("id: ")) id = line.slice("id: ".length);
      if (!line.startsWith("data: ")) continue;
      const fact = parseJson(line.slice("data: ".length));
      if (isRecord(fact)) print(flags.json ? JSON.stringify({ id, ...fact }) : text(fact));
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error; // Ctrl-C is how one ends it
  }
}

/** "2026-01-01T12:00:00.000Z state llm: from=idle to=starting". */
function text({ at, fact, service, ...rest }: Record<string, unknown>): string {
  const more = Object.entries(rest).map(([key, value]) =>
    `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  return `${at} ${fact}${typeof service === "string" ? ` ${service}:` : ""} ${more.join(" ")}`.trimEnd();
}

const lookMs = 200;

export async function wait(
  this: Cli,
  flags: JsonFlags & { for?: "ready" | "stopped"; timeout?: number },
): Promise<void> {
  const { client } = await connect(flags);
  const wanted = flags.for ?? "ready";
  using limit = deadline(systemClock, (flags.timeout ?? 120) * 1000, this.signals.stop);
  let last = "";
  for (;;) {
    try {
      const { state, talk } = await client.status(limit.signal);
      last = talk.text;
      if (wanted === "ready" && state === "SYSTEM_READY") return done(flags, wanted, last);
      await systemClock.sleep(lookMs, limit.signal);
    } catch (error) {
      this.signals.stop.throwIfAborted();
      if (limit.signal.aborted) {
        throw new LoaderError("boot_failed", `not ${wanted} after ${flags.timeout ?? 120} s: ${last}`);
      }
      const gone = error instanceof LoaderError && error.exitCode === ExitCode.notRunning;
      if (!gone || wanted === "ready") throw error;
      return done(flags, wanted, "no loader is running");
    }
  }
}

const done = (flags: JsonFlags, state: string, why: string) =>
  print(flags.json ? JSON.stringify({ state, text: why }) : why);
