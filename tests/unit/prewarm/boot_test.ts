/** A whole boot: the second service's model is in the page cache before its turn. */
import assert from "node:assert/strict";
import { LoaderProcess, TestHome } from "../../support/loader_process.ts";
import { canBeCold, makeCold, shareCached } from "./support.ts";
import { withProcesses } from "../../support/with_processes.ts";

withProcesses.test({
  name: "a boot brings the next service's model into the page cache while the first one starts",
  ignore: !canBeCold,
  async fn() {
    await using home = new TestHome();
    const model = `${home.dir}/model.gguf`;
    const bytes = 24 << 20;
    Deno.writeFileSync(model, new Uint8Array(bytes).fill(7));
    makeCold(model);
    assert.ok(shareCached(model) < 0.1);
    const gate = `${home.dir}/gate`;
    const service = (script: string, ...args: string[]) => ({
      cmd: ["sh", "-c", script, "sh", ...args],
      readiness: { type: "log", pattern: "^up$" },
      warmup: { kind: "none" },
    });
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: { startup_sequence: ["slow", "big"], shutdown_sequence: ["big", "slow"] },
        services: {
          slow: service('until [ -e "$1" ]; do sleep 0.02; done; echo up; exec sleep 60', gate),
          big: { ...service("echo up; exec sleep 60", model), mmapped: true },
        },
      }),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    const prepared = await loader.waitLine(/^BIG .*Files prepared/);
    assert.match(prepared.text, /^BIG {6}INFO = Files prepared \([\d.]+s, 24 MiB\)$/);
    assert.equal(shareCached(model), 1);
    assert.ok(!loader.lines.some(({ tag, message }) => tag === "BIG" && message.startsWith("Starting")));
    Deno.writeTextFileSync(gate, "");
    await loader.waitLine(/SYSTEM_READY: /);
    assert.equal(await loader.interrupt(), 0);
    const boot = (home.boots() as { services: Record<string, unknown>[]; spans: { name: string }[] }[])[0]!;
    const figures = boot.services.find(({ name }) => name === "big")!;
    assert.equal(figures.prepared_bytes, bytes);
    assert.ok((figures.cached_share as number) < 0.1);
    assert.ok((figures.prepare_async_ms as number) > 0);
    assert.ok(boot.spans.some(({ name }) => name === "big.prepare"));
  },
});
