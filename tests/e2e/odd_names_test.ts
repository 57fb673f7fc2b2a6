/** Names that mean something to the language, but nothing to the configuration. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";

Deno.test({
  name: "R13: a service may be called constructor: planned, booted, restarted, remembered, told",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using home = new TestHome();
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: {
          name: "t",
          startup_sequence: ["constructor"],
          shutdown_sequence: ["constructor"],
          restart_policy: { backoff: { initial_sec: 0.05 } },
        },
        services: {
          constructor: {
            cmd: ["sleep", "300"],
            readiness: { type: "exec", cmd: ["true"] },
            warmup: false,
            options: { constructor: 1, toString: 2 },
          },
        },
      }),
    );
    const told = (args: string[]) => runLoader(home, [...args, "--config", config]);
    for (const args of [["check"], ["plan"], ["plan", "--json"]]) {
      const { code, out, err } = await told(args);
      assert.equal(code, 0, `${args}: ${out}${err}`);
      assert.match(out + err, args[0] === "plan" ? /constructor/ : /./);
    }
    for (let boot = 0; boot < 2; boot++) { // the second one has a history
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      await loader.waitLine(/^LOADER +INFO = SYSTEM_READY/);
      await loader.waitLine(/^CONSTRUCTOR INFO = Ready in/);
      const status = await told(["status", "--json"]);
      assert.equal(JSON.parse(status.out).services[0].name, "constructor");
      assert.equal((await told(["restart", "constructor"])).code, 0);
      assert.equal(await loader.interrupt(), 0, loader.log);
      assert.ok(!/ERROR|TypeError|native code/.test(loader.log), loader.log);
      await home.assertNothingLeft([], loader.pid);
    }
    const boots = await told(["boots"]);
    assert.equal(boots.code, 0, boots.err);
  },
});
