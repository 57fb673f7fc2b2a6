/** argv -> cli, signals -> AbortSignal, exit code. Nothing else. */
import { adoptEnvironment } from "./lib/sys/self.ts";
import { signalSource } from "./lib/sys/process/signals.ts";

adoptEnvironment();
const args = Deno.args;
let code: number;
if (args[0] === "demo-service") { // a stand-in of the demo loads nothing of the program that it does not need
  const { demoServiceMain } = await import("./lib/cli/demo_service.ts");
  code = await demoServiceMain(args.slice(1), signalSource());
} else {
  const { runCli } = await import("./lib/cli/mod.ts");
  code = await runCli(args, signalSource());
}
Deno.exit(code);
