/** Plays one stand-in, as the program's hidden command does: arguments, signals, exit code. */
import { parseDemoArguments } from "../../../lib/demo/options.ts";
import { runDemoService } from "../../../lib/demo/run.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => stop.abort());
const parsed = parseDemoArguments(Deno.args);
if (!parsed.ok) {
  console.error(parsed.message);
  Deno.exit(2);
}
Deno.exit(await runDemoService(parsed.role, parsed.options, stop.signal));
