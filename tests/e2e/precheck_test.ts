/** A precheck that takes its time can be asked and stopped like a loader that runs. Spec: §1.2, §12. */
import assert from "node:assert/strict";
import { machineBootId } from "../../lib/sys/process/procfs.ts";
import { GpuHome } from "../support/gpu_boot.ts";
import { gpuTest } from "../support/gpu_standin.ts";
import { LoaderProcess, lowPort, runLoader, TestHome } from "../support/loader_process.ts";
import { fixtures } from "../support/scenario.ts";
import { start, until } from "../support/strangers.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** One service; `more` goes to the loader, `service` to it. */
function config(home: TestHome, more: object, service: object): { path: string; port: number } {
  const port = lowPort();
  const path = home.write(
    "loader.yaml",
    JSON.stringify({
      loader: { name: "t", startup_sequence: ["stt"], shutdown_sequence: ["stt"], ...more },
      services: {
        stt: {
          cmd: ["python3", `${fixtures}/stt.py`],
          readiness: { type: "tcp", host: "127.0.0.1", port },
          ...service,
        },
      },
    }),
  );
  return { path, port };
}

/** Asks until the socket is there: it is when the precheck has lasted for a moment. */
async function statusOf(home: TestHome, path: string): Promise<string> {
  for (let tries = 0;; tries++) {
    const { code, out, err } = await runLoader(home, ["status", "--config", path]);
    if (code === 0) return out;
    assert.ok(tries < 20, err);
  }
}

gpuTest("R22: status, restart and stop find a loader that waits for the GPU", async () => {
  await using home = new GpuHome();
  const { path, port } = config(home, { wait_for_gpu_sec: 60 }, {
    gpu: "required",
    cmd: home.cmd("stt", 500),
  });
  const { ALEXA_GPU_DEVICE: device } = home.env;
  const up = () => new LoaderProcess(home, ["up", "--config", path], { env: home.env });

  Deno.removeSync(device!);
  const stopped = up();
  await stopped.waitLine(/Waiting up to 60 s for the GPU/);
  const told = await statusOf(home, path);
  assert.match(told, /^PRECHECK: waiting for the GPU, up for \d+ s$/m);
  assert.match(told, /^stt +idle +- +\d+ /m);
  assert.equal((await runLoader(home, ["stop", "--config", path])).code, 0);
  assert.equal(await stopped.exit(), 0, stopped.log);
  assert.doesNotMatch(stopped.log, /Starting|ERROR/);
  await home.assertNothingLeft([port], stopped.pid);

  await using loader = up();
  await loader.waitLine(/Waiting up to 60 s for the GPU/);
  await statusOf(home, path);
  const restart = runLoader(home, ["restart", "--config", path, "stt"]);
  await loader.waitLine(/Restart of stt requested/);
  home.write("uvm", "");
  assert.equal((await restart).code, 0, "its turn comes: the copy that it brings is a fresh one");
  await loader.waitLine(/SYSTEM_READY: /);
  assert.equal(
    loader.messages("STT").filter((message) => message.startsWith("Starting")).length,
    1,
    loader.log,
  );
  assert.equal(await loader.interrupt(), 0, loader.log);
});

Deno.test({
  name: "R22: status and stop find a loader that waits for the end of a leftover",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { path, port } = config(home, { graceful_shutdown: { per_service_grace_sec: 60 } }, {});
    const boot = crypto.randomUUID();
    await using deaf = start(
      ["sh", "-c", `trap '' TERM; echo > ${home.dir}/deaf; while :; do sleep 1; done`],
      { env: { ALEXA_BOOT_ID: boot, ALEXA_SERVICE: "stt" } },
    );
    await until(() => exists(`${home.dir}/deaf`));
    const state = `${home.state}/alexa-loader/t`;
    Deno.mkdirSync(state, { recursive: true, mode: 0o700 });
    const record = {
      format: 1,
      boot,
      machine_boot: machineBootId(),
      loader: { pid: 4_194_303, start_time: 1 },
      on_loader_death: "stop",
      services: {},
    };
    Deno.writeTextFileSync(`${state}/state.json`, JSON.stringify(record), { mode: 0o600 });

    const loader = new LoaderProcess(home, ["up", "--config", path]);
    await loader.waitLine(/Stopping leftover stt/);
    assert.match(
      await statusOf(home, path),
      /^PRECHECK: clearing away what is left of earlier boots, up for/m,
    );
    assert.ok(deaf.alive);
    assert.equal((await runLoader(home, ["stop", "--config", path])).code, 0);
    assert.equal(await loader.exit(), 0, loader.log);
    assert.ok(!deaf.alive, "who stops in mid-stop has no more patience");
    await home.assertNothingLeft([port], loader.pid);
  },
});

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== null;
  } catch {
    return false;
  }
}
