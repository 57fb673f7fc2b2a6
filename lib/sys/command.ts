/** Runs a short command to its end, with a limit on its time and output. */
import { systemClock } from "./clock.ts";
import { noteRuntimeChild } from "./reaper.ts";

export interface CommandResult {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  /** The program is not there or may not be run. */
  missing: boolean;
}

async function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, limit: number): Promise<string> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let room = limit;
  for await (const chunk of stream) { // read on past the limit, so that the command never blocks on a full pipe
    if (room > 0) parts.push(chunk.subarray(0, room));
    room -= chunk.length;
  }
  return await new Blob(parts).text();
}

/**
 * Runs `argv` in a process group of its own; at the time limit, or on abort, the whole group is killed.
 * @throws only the signal's reason, when it is aborted.
 */
export async function runCommand(
  argv: string[],
  o: {
    env?: Record<string, string>;
    cwd?: string;
    timeoutMs: number;
    signal?: AbortSignal;
    maxOutputBytes?: number;
    stdin?: Uint8Array;
  },
): Promise<CommandResult> {
  o.signal?.throwIfAborted();
  const limit = o.maxOutputBytes ?? 1 << 20;
  const result = { code: null, signal: null, stdout: "", stderr: "", timedOut: false, missing: false };
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(argv[0], {
      args: argv.slice(1),
      env: o.env,
      cwd: o.cwd,
      stdin: o.stdin ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      detached: true,
    }).spawn();
  } catch (error) {
    return { ...result, missing: true, stderr: error instanceof Error ? error.message : String(error) };
  }
  noteRuntimeChild(child.pid, child.status);
  const kill = () => {
    try {
      Deno.kill(-child.pid, "SIGKILL");
    } catch { /* it ended in this moment */ }
  };
  let timedOut = false;
  using _timer = systemClock.after(o.timeoutMs, () => {
    timedOut = true;
    kill();
  });
  o.signal?.addEventListener("abort", kill, { once: true });
  try {
    const feed = o.stdin ? feedStdin(child, o.stdin) : Promise.resolve();
    const [stdout, stderr, status] = await Promise.all([
      collect(child.stdout, limit),
      collect(child.stderr, limit),
      child.status,
      feed,
    ]);
    o.signal?.throwIfAborted();
    return {
      code: timedOut ? null : status.code,
      signal: status.signal,
      stdout,
      stderr,
      timedOut,
      missing: false,
    };
  } finally {
    o.signal?.removeEventListener("abort", kill);
  }
}

async function feedStdin(child: Deno.ChildProcess, data: Uint8Array): Promise<void> {
  try {
    const writer = child.stdin.getWriter();
    await writer.write(data as Uint8Array<ArrayBuffer>);
    await writer.close();
  } catch { /* it does not want its input: its exit code says more than our broken pipe */ }
}
