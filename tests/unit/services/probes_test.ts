/** A list of probes means all of them, for readiness and for health. CONTRACT §2. */
import assert from "node:assert/strict";
import { Log } from "../../../lib/log/mod.ts";
import type { ProbeSpec } from "../../../lib/model/plan.ts";
import { ManagedService } from "../../../lib/services/managed_service.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { servicePlan, testContext } from "../../support/fake_service.ts";
import { withProcesses } from "../../support/with_processes.ts";

const exec = (...cmd: string[]): ProbeSpec => ({ type: "exec", cmd, timeoutMs: 5000 });

withProcesses.test("ManagedService asks every readiness and every health probe of a list", async () => {
  const dir = Deno.makeTempDirSync();
  const [go, well] = [`${dir}/go`, `${dir}/well`];
  try {
    await using log = new Log({ dir: null, console: null });
    const plan = servicePlan("llm", {
      manage: "external",
      readiness: [exec("true"), exec("test", "-e", go)],
    });
    plan.health.probes = [exec("true"), exec("test", "-e", well)];
    await using service = new ManagedService(
      plan,
      testContext({ clock: systemClock, log, environment: Deno.env.toObject(), runtimeDir: dir }),
    );
    let missing: string | null = null;
    const { state } = await service.awaitReady({
      signal: new AbortController().signal,
      pollMaxMs: 50,
      onWaiting(detail) {
        missing = detail;
        Deno.writeTextFileSync(go, "");
      },
    });
    assert.equal(state, "ready");
    assert.equal(missing, `exec test -e ${go}: exit 1`);
    assert.equal(await service.isReady(), true);
    Deno.removeSync(go);
    assert.equal(await service.isReady(), false);

    assert.equal(await service.isHealthy(), false);
    Deno.writeTextFileSync(well, "");
    assert.equal(await service.isHealthy(), true);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
