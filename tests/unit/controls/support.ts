/** What the tests of the controls share. */
import type { Ask } from "../../../lib/controls/kind.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { runCommand } from "../../../lib/sys/process/command.ts";

/** What a control is asked with, and a folder of its own that is gone afterwards. */
export async function withAsk(
  fn: (ask: Ask, folder: string) => Promise<void>,
  timeoutMs = 5000,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    const signal = new AbortController().signal;
    await fn(
      { signal, timeoutMs, clock: systemClock, run: runCommand, scratch: `${folder}/scratch` },
      folder,
    );
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** An executable script in `folder`, as a player. */
export function player(folder: string, name: string, body: string): string[] {
  const path = `${folder}/${name}`;
  Deno.writeTextFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return [path];
}
