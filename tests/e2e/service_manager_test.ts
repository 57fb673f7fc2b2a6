/** The loader as a service of systemd: what a foreign receiver hears, and what its services do not. */
import assert from "node:assert/strict";
import { LoaderProcess, TestHome } from "../support/loader_process.ts";
import { startPythonPeer } from "../support/peers/python_peer.ts";
import { withoutPython } from "../unit/demo/python.ts";

const service = `
import os, time
print("has", sorted(n for n in os.environ if n.startswith("WATCHDOG")), os.environ["NOTIFY_SOCKET"], flush=True)
print("ready", flush=True)
time.sleep(80)
`;
const probe = `test -z "$WATCHDOG_USEC" && case $NOTIFY_SOCKET in "$0"*) exit 1;; esac`;

for (const kind of ["a path", "an abstract name"]) {
  Deno.test({
    name:
      `systemd's socket at ${kind} hears of the boot, of life and of the stop, in order, from the main process`,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      const address = `${kind === "a path" ? home.dir : `@${home.mark}`}/manager`;
      const config = home.write(
        "loader.yaml",
        JSON.stringify({
          loader: { startup_sequence: ["stt"], shutdown_sequence: ["stt"] },
          services: {
            stt: {
              cmd: ["python3", "-c", service],
              readiness: [
                { type: "log", pattern: "^ready$" },
                { type: "exec", cmd: ["sh", "-c", probe, address] },
              ],
              warmup: { kind: "none" },
            },
          },
        }),
      );
      await using peer = await startPythonPeer("service_manager_peer.py", address);
      await using loader = new LoaderProcess(home, ["up", "--config", config], {
        env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "200000" },
      });
      await loader.waitLine(/SYSTEM_READY:/);
      await new Promise((resolve) => setTimeout(resolve, 500)); // signs of life come by time alone
      loader.signal("SIGHUP");
      await loader.waitLine(/reload/i);
      assert.equal(await loader.interrupt(), 0);
      const heard = (await peer.finish()).slice(0, -1) as { pid: number; said: string }[];
      assert.deepEqual(new Set(heard.map(({ pid }) => pid)), new Set([loader.pid]));
      const said = heard.map(({ said }) => said);
      assert.match(said[0]!, /^EXTEND_TIMEOUT_USEC=30000000\nSTATUS=Not yet: /);
      const order = said.filter((text) => /^(READY|STOPPING|RELOADING)=1/.test(text));
      assert.deepEqual(order, [
        "READY=1\nSTATUS=You can talk",
        order[1],
        "READY=1",
        "STOPPING=1\nSTATUS=You cannot talk: it is stopping",
      ]);
      assert.match(order[1]!, /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
      const alive = said.slice(said.indexOf(order[0]!), said.indexOf(order[1]!));
      assert.ok(alive.filter((text) => text === "WATCHDOG=1").length >= 3, said.join("\n\n"));
      assert.match(loader.messages("STT").find((text) => text.startsWith("has"))!, /^has \[\] .*\.notify$/);
      await home.assertNothingLeft([], loader.pid);
    },
  });
}

Deno.test({
  name: "a loader that hangs gives no sign of life",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const address = `${home.dir}/manager`;
    await using peer = await startPythonPeer("service_manager_peer.py", address);
    await using loader = new LoaderProcess(home, ["demo"], {
      env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: "100000", ALEXA_DEMO_SPEED: "8" },
    });
    await loader.waitLine(/SYSTEM_READY:/);
    loader.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 600));
    const heard = await peer.finish();
    loader.signal("SIGCONT");
    assert.ok(heard.some(({ said }) => said === "WATCHDOG=1"), "it was heard before");
    assert.ok(heard.at(-1)!.quiet_ms as number > 400, JSON.stringify(heard.at(-1)));
    assert.equal(await loader.interrupt(), 0, "a manager that went away is in nobody's way");
    assert.match(loader.log, /WARNING = NOTIFY_SOCKET is .* nobody can be told anything there/);
  },
});
