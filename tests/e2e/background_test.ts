/** A program that goes to the background, as `mosquitto -d` does. Spec: §6; CONTRACT §7. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** Its parent ends at once; the daemon listens as soon as that has happened, and holds the parent's output. */
const daemon = `
import os, socket, sys, time
parent = os.getpid()
if os.fork(): os._exit(0)
os.setsid()
while os.getppid() == parent: time.sleep(0.001)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(80)
`;

Deno.test({
  name: "P13: a program that goes to the background is told to stay in the foreground, and is never ready",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const port = lowPort();
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: { startup_sequence: ["broker"], shutdown_sequence: ["broker"] },
        services: {
          broker: {
            cmd: ["python3", "-c", daemon, `${port}`],
            readiness: { type: "tcp", port },
            warmup: { kind: "none" },
          },
        },
      }),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    assert.equal(await loader.exit(), 4, loader.log);
    const told = loader.messages("BROKER", "ERROR")[0]!;
    assert.match(
      told,
      /^Went to the background after [\d.]+s \(pid \d+ \(.*python3 -c .*\) goes on\): start it in the foreground; given up/,
    );
    assert.ok(!/Ready in|SYSTEM_READY/.test(loader.log), loader.log);
    assert.equal(loader.log.match(/Starting/g)?.length, 1, "no further copies");
    await home.assertNothingLeft([port], loader.pid);
  },
});
