/** `ManagedService.adopt()`: what was proved to be ours is gone on with only if it is ready. CONTRACT §1. */
import assert from "node:assert/strict";
import { Log } from "../../../lib/log/mod.ts";
import type { ProbeSpec, ServicePlan } from "../../../lib/model/plan.ts";
import { keptOutput } from "../../../lib/services/kept_output.ts";
import { ManagedService } from "../../../lib/services/managed_service.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { freePort } from "../../../lib/sys/net/ports.ts";
import { testContext } from "../../support/fake_service.ts";
import { hygienePlan } from "../../support/hygiene_plan.ts";
import { bystander } from "../../support/strangers.ts";
import { withProcesses } from "../../support/with_processes.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const never: ProbeSpec = { type: "tcp", host: "127.0.0.1", port: freePort() };

/** Adopts a process for a service of these probes; whatever is adopted is stopped again. */
async function adopt(
  o: { readiness: ProbeSpec[]; health?: ProbeSpec[]; ready: boolean; keep?: "lost" },
  look: (service: ManagedService) => Promise<void> = async () => {},
): Promise<string | null> {
  const dir = Deno.makeTempDirSync();
  await using process = bystander();
  await using log = new Log({ dir: null, console: null });
  const plan = hygienePlan({ llm: { port: freePort() } });
  plan.dirs = { state: dir, log: dir, runtime: `${dir}/run` };
  const service: ServicePlan = {
    ...plan.services[0]!,
    readiness: o.readiness,
    health: { ...plan.services[0]!.health, probes: o.health ?? o.readiness.filter((p) => p.type !== "log") },
  };
  const resolve = (argv: readonly string[]) => [...argv];
  const context = testContext({
    bootId: "b2",
    clock: systemClock,
    log,
    runtimeDir: plan.dirs.runtime,
    keep: o.keep ? keptOutput(plan, { resolve, warn: (message) => assert.fail(message) }) : null,
    resolve,
  });
  try {
    await using managed = new ManagedService(service, context);
    const why = await managed.adopt({ ...process, boot: "b1", ready: o.ready, seen: [] });
    assert.ok(process.alive, "it is not touched");
    await look(managed);
    return why;
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

withProcesses.test("R11: what was said once counts by the record of it", linux, async () => {
  for (const readiness of [[{ type: "notify" }], [{ type: "log", pattern: "ready" }]] as ProbeSpec[][]) {
    assert.equal(await adopt({ readiness, ready: false }), "was not ready when its loader ended");
    assert.equal(
      await adopt({ readiness, ready: true }, async (service) => assert.ok(await service.isHealthy())),
      null,
    );
    assert.equal(await adopt({ readiness, health: [never], ready: true }), "is not ready");
    assert.equal(await adopt({ readiness: [...readiness, never], ready: true }), "is not ready");
  }
});

withProcesses.test("adopt() asks what can be asked, whatever the record says", linux, async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const answers: ProbeSpec = { type: "tcp", host: "127.0.0.1", port };
  assert.equal(await adopt({ readiness: [answers], ready: false }), null);
  assert.equal(await adopt({ readiness: [never], ready: true }), "is not ready");
  assert.equal(await adopt({ readiness: [answers], health: [never], ready: true }), "is not ready");
});

withProcesses.test("R17: adopt() does not go on with a process whose output is gone", linux, async () => {
  const why = await adopt({ readiness: [{ type: "notify" }], ready: true, keep: "lost" });
  assert.match(why!, /^cannot be read on \(.*No such file/);
});
