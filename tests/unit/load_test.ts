import assert from "node:assert/strict";
import { loadPlan } from "../../lib/loader/load_plan.ts";
import { openHistory } from "../../lib/metrics/history.ts";
import { bootRecord } from "../support/boot_records.ts";

Deno.test("K13: loadPlan() learns a service's ready timeout from the boots of this configuration", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const path = `${dir}/loader.yaml`;
    const load = async (...loader: string[]) => {
      const yaml = `
loader:
  startup_sequence: [stt]
  shutdown_sequence: [stt]
  state_dir: ${dir}/state
  timeouts: { stt_ready_sec: 8 }
${loader.map((line) => `  ${line}\n`).join("")}
services:
  stt: { cmd: ["true"], readiness: { type: tcp, host: 127.0.0.1, port: 5002 } }
`;
      Deno.writeTextFileSync(path, yaml);
      return (await loadPlan({ config: path })).plan.services[0]!.readyTimeout;
    };
    const configured = { value: 8000, from: "configured" };
    assert.deepEqual(await load(), configured, "nothing was seen yet");
    const history = openHistory(`${dir}/state`);
    for (let n = 1; n <= 4; n++) await history.append(bootRecord(n, { stt: 3 }));
    assert.deepEqual(await load(), configured, "four boots are too few");
    await history.append(bootRecord(5, { stt: 3 }));
    assert.deepEqual(await load(), { value: 11_700, from: "p95 of 5 boots + 50 %" }); // 3 x 2600 ms + 50 %
    assert.deepEqual(await load("autotune_timeouts: false"), configured);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
