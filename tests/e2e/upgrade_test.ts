/** Another version of the program in the place of the one that runs: nobody notices. Spec: §4, §7; CONTRACT §1. */
import { python } from "../chaos/assistant.ts";
import { stormConfig, upgradeStorm } from "../chaos/upgrades.ts";
import { TestHome } from "../support/loader_process.ts";

const linux = Deno.build.os === "linux";

Deno.test({
  name:
    "10 restarts in place: one pid, no service restarted, no line lost or doubled, every true exit code told",
  ignore: !linux || python === null,
  async fn() {
    await using home = new TestHome();
    const config = stormConfig(home, python!, 2);
    const report = await upgradeStorm(home, config, { rounds: 10, rateMb: 2, upgrade: ["reload", "--exec"] });
    if (Deno.env.get("ALEXA_MEASURE")) console.log(report);
  },
});
