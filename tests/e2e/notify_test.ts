/** READY=1 is the word of the copy that runs. Spec: §6; CONTRACT §2. */
import assert from "node:assert/strict";
import { kill, LoaderProcess, TestHome, until } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** The first copy is ready at once, the second when it is let go. */
const service = `
import os, socket, sys, time
folder = sys.argv[1]
second = os.path.exists(folder + "/first")
open(folder + "/first", "w").close()
if second:
    print("loading", flush=True)
    while not os.path.exists(folder + "/go"): time.sleep(0.005)
    print("loaded", flush=True)
    time.sleep(0.2)
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
    s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
time.sleep(80)
`;

Deno.test({
  name: "a copy's READY=1 does not count for the next one: its gate waits for its own",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const config = home.write(
      "loader.yaml",
      JSON.stringify({
        loader: {
          startup_sequence: ["stt"],
          shutdown_sequence: ["stt"],
          restart_policy: { backoff: { initial_sec: 0 } },
        },
        services: {
          stt: {
            cmd: ["python3", "-c", service, home.dir],
            readiness: { type: "notify" },
            warmup: { kind: "none" },
          },
        },
      }),
    );
    await using loader = new LoaderProcess(home, ["up", "--config", config]);
    const pid = (await loader.waitLine(/^STT .*Starting/)).message.match(/pid (\d+)/)![1];
    await loader.waitLine(/SYSTEM_READY/);
    kill(Number(pid), "SIGKILL");
    await loader.waitLine(/^STT .* loading$/);
    home.write("go", "");
    const readies = () => loader.messages("STT").flatMap((text, i) => text.startsWith("Ready in") ? [i] : []);
    await until("the second ready", () => readies().length === 2, () => loader.log);
    const loaded = loader.messages("STT").indexOf("loaded");
    assert.ok(loaded >= 0 && loaded < readies()[1]!, loader.log);
    assert.equal(await loader.interrupt(), 0);
    await home.assertNothingLeft([], loader.pid);
  },
});
