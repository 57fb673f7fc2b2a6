/** `ManagedService` with real processes: how they are stopped, and what becomes of their words. Spec: §7, §8; CONTRACT §7, §9. */
import assert from "node:assert/strict";
import { Log } from "../../../lib/log/mod.ts";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import { ManagedService } from "../../../lib/services/mod.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { freePort } from "../../../lib/sys/net/ports.ts";
import { servicePlan, testContext } from "../../support/fake_service.ts";
import { portHolder, read, until } from "../../support/strangers.ts";
import { startHttpPeer } from "../../support/peers/http_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";

interface House {
  dir: string;
  service: ManagedService;
  /** Lines of the service, as the log has them. */
  said: string[];
}

/** A service that is this script of sh; `$DIR` is a folder of the test's own. */
function test(
  name: string,
  script: string,
  patch: Partial<ServicePlan>,
  use: (house: House) => Promise<void>,
) {
  withProcesses.test({
    name,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const dir = Deno.makeTempDirSync();
      try {
        await using log = new Log({ dir: null, console: null });
        const said: string[] = [];
        log.observe(({ message }) => said.push(message), { children: true });
        const plan = servicePlan("llm", {
          argv: ["sh", "-c", script],
          env: { DIR: dir, PATH: Deno.env.get("PATH")! },
          ...patch,
        });
        const context = testContext({ clock: systemClock, log, runtimeDir: `${dir}/run` });
        await using service = new ManagedService(plan, context);
        await use({ dir, service, said });
      } finally {
        Deno.removeSync(dir, { recursive: true });
      }
    },
  });
}

test(
  "T10: a service is asked to stop by its own stop signal",
  `trap '' TERM; trap 'echo int > $DIR/told; exit 0' INT; echo > $DIR/up; while :; do sleep 0.01; done`,
  { stopSignal: "SIGINT", graceMs: 10_000 },
  async ({ dir, service }) => {
    await service.start();
    await until(() => read(`${dir}/up`));
    const { killed, left, how } = await service.stop();
    assert.deepEqual({ killed, left, how }, { killed: false, left: [], how: "exit 0" });
    assert.equal(read(`${dir}/told`), "int\n");
  },
);

withProcesses.test({
  name: "T12: who still listens on the port of a service that was stopped is named",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using holder = await portHolder();
    const context = testContext({ clock: systemClock, runtimeDir: Deno.makeTempDirSync() });
    try {
      const leftOf = async (bindPort: number) => {
        const argv = ["sleep", "300"];
        const env = { PATH: Deno.env.get("PATH")! };
        await using service = new ManagedService(servicePlan("llm", { argv, env, bindPort }), context);
        await service.start();
        const { left, stuck } = await service.stop();
        assert.equal(stuck, false, "nothing of the service itself is left");
        return left;
      };
      assert.deepEqual(await leftOf(freePort()), []);
      const [who, ...more] = await leftOf(holder.port);
      assert.deepEqual(more, []);
      assert.match(who!, new RegExp(`^pid ${holder.pid} \\(.+\\) holds port ${holder.port}$`));
      assert.ok(holder.alive, "it is nobody's business to end it");
    } finally {
      Deno.removeSync(context.runtimeDir, { recursive: true });
    }
  },
});

test(
  "J02: the last line of a service is in the log, also without an end",
  "printf 'whole\\nhalf'; exec sleep 300", // in one piece
  {},
  async ({ service, said }) => {
    await service.start();
    await until(() => said.length > 0);
    assert.deepEqual(said, ["whole"]);
    await service.stop();
    assert.deepEqual(said, ["whole", "half"]);
  },
);

test(
  "J12: what a copy has said last is not quoted for the one after it",
  "[ -e $DIR/second ] || { : > $DIR/second; echo out of memory; }; exec sleep 300",
  {},
  async ({ service }) => {
    await service.start();
    await until(() => service.relay.lastLines().length > 0);
    await service.stop();
    assert.deepEqual(service.relay.lastLines(), ["out of memory"], "as long as nothing else runs");
    await service.start();
    assert.deepEqual(service.relay.lastLines(), []);
  },
);

Deno.test("keep_warm: an llm's model is looked after, an stt's only if it is wished", async () => {
  await using peer = startHttpPeer(() => Response.json({ models: [] }));
  const warmup = {
    kind: "openai",
    url: peer.origin,
    model: "tiny",
    api: "transcriptions",
    timeoutMs: 1000,
    runs: 1,
    required: true,
  };
  const cold = async (name: string, patch: { keepWarm?: boolean }) => {
    const plan = servicePlan(name, { warmup: { ...warmup, ...patch } });
    await using service = new ManagedService(plan, testContext({ clock: systemClock }));
    return await service.coldBecause(new AbortController().signal);
  };
  const why = "The server has unloaded tiny";
  assert.deepEqual(
    [await cold("llm", {}), await cold("llm", { keepWarm: false }), await cold("stt", {})],
    [why, null, null],
  );
  assert.equal(await cold("stt", { keepWarm: true }), why);
});
