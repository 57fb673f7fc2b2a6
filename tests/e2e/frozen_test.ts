/** A process that even SIGKILL does not end keeps nobody: the loader says who is left and ends. Spec: §8; CONTRACT §7. */
import assert from "node:assert/strict";
import { isGone, readStat } from "../../lib/sys/process/procfs.ts";
import { cannotFreeze, freeze } from "../support/frozen.ts";
import { LoaderProcess, TestHome, until } from "../support/loader_process.ts";

const why = cannotFreeze();

for (const signals of [1, 2]) {
  Deno.test({
    name: `R20: what cannot be ended does not keep the loader (${signals === 1 ? "stop" : "second signal"})${
      why ? `: ${why}` : ""
    }`,
    ignore: why !== null,
    async fn() {
      await using home = new TestHome();
      const service = () => ({
        cmd: ["sleep", "300"],
        readiness: { type: "exec", cmd: ["true"] },
        warmup: { kind: "none" },
      });
      const config = home.write(
        "loader.yaml",
        JSON.stringify({
          loader: {
            name: "t",
            startup_sequence: ["one", "two"],
            shutdown_sequence: ["two", "one"],
            graceful_shutdown: { per_service_grace_sec: 0.2, kill_after_sec: signals === 1 ? 1 : 60 },
          },
          services: { one: service(), two: service() },
        }),
      );
      const loader = new LoaderProcess(home, ["up", "--config", config]);
      await loader.waitLine(/entering SYSTEM_READY/);
      const [one, two] = ["ONE", "TWO"].map((tag) => Number(/\d+/.exec(loader.messages(tag)[0]!)![0]));
      {
        using _frozen = freeze(two!);
        loader.signal("SIGTERM");
        if (signals === 2) {
          await loader.waitLine(/Stopping \(SIGTERM\)/);
          await new Promise((resolve) => setTimeout(resolve, 1100)); // within 1 s it would be the same request
          loader.signal("SIGTERM");
        }
        assert.equal(await loader.exit(), signals === 1 ? 6 : 130, loader.log);
        assert.ok(!isGone(readStat(two!)), "it is still there");
        assert.ok(isGone(readStat(one!)), "the other one is not");
        assert.match(loader.log, new RegExp(`In the way: pid ${two} `));
        assert.match(loader.log, /Something of two could not be stopped/);
        assert.doesNotMatch(loader.log, /Shutdown complete/);
      }
      await until("its end, once it can", () => isGone(readStat(two!)));
      // What was left is on record, and no hindrance for the next one.
      await using next = new LoaderProcess(home, ["up", "--config", config]);
      await next.waitLine(/entering SYSTEM_READY/);
      assert.equal(await next.interrupt(), 0, next.log);
    },
  });
}
