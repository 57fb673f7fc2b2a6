/**
 * A loader that has no descriptor left: what it cannot ask counts against no service, the wake word ends up enabled, and
 * the stop needs none. Spec: §6, §8, §10.
 */
import assert from "node:assert/strict";
import { guardiansOf } from "../support/leftovers.ts";
import { kill, LoaderProcess, TestHome } from "../support/loader_process.ts";
import { assistant, type AssistantOptions, roles } from "../support/scenario.ts";
import { canStarve, starve } from "../support/starve.ts";
import { withoutPython } from "../unit/demo/python.ts";

const health = { interval_sec: 0.1, timeout_ms: 1000 };
const services = Object.fromEntries(roles.map((role) => [role, { health }]));
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function test(
  name: string,
  o: AssistantOptions,
  act: (run: { home: TestHome; loader: LoaderProcess }) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: withoutPython || !canStarve,
    async fn() {
      await using home = new TestHome();
      const { config, portList } = assistant(home, { services, ...o });
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      await act({ home, loader });
      await home.assertNothingLeft(portList, loader.pid);
    },
  });
}

const starts = (home: TestHome) =>
  roles.map((role) => home.events(role).filter((event) => event === "start").length);

test("R19: services that cannot be asked for want of descriptors are left as they are", {}, async (run) => {
  const { home, loader } = run;
  await loader.waitLine(/READY FOR WAKE WORD/);
  {
    using _starved = await starve(loader.pid);
    await loader.waitLine(/Cannot be asked for its health: no file descriptor is free/);
    await wait(1500); // of each some fifteen checks, three of which would be too many
  }
  await wait(500);
  assert.deepEqual(starts(home), [1, 1, 1, 1], loader.log);
  assert.ok(!/Unhealthy|Stopped|DEGRADED/.test(loader.log), loader.log);
  for (const tag of ["KWD", "STT", "LLM", "TTS"]) {
    assert.ok(loader.messages(tag, "WARNING").length <= 1, loader.log); // told once, not at each check
  }
  assert.equal(await loader.interrupt(), 0, loader.log);
});

test("R19: a loader without a free descriptor stops everything in order, also who left its service's group", {
  knobs: { stt: { daemonize_grandchild: true } },
}, async ({ home, loader }) => {
  await loader.waitLine(/READY FOR WAKE WORD/);
  using starved = await starve(loader.pid);
  await loader.waitLine(/Cannot be asked for its health/);
  starved.takeNoMore(); // not what it has kept back for this
  assert.equal(await loader.interrupt(), 0, loader.log);
  assert.deepEqual(starts(home), [1, 1, 1, 1], loader.log);
  const stopped = loader.lines.filter((line) => line.message.startsWith("Stopped in"));
  assert.deepEqual(stopped.map((line) => line.tag), ["KWD", "TTS", "LLM", "STT"]);
  assert.ok(loader.log.includes("Shutdown complete"), loader.log);
});

test(
  "R8: a greeting for which there is no descriptor has failed, and the wake word is enabled once there is one",
  { knobs: { kwd: { hang_pause: true } } },
  async ({ home, loader }) => {
    await home.stamp("kwd", "pause_hung");
    {
      using _starved = await starve(loader.pid);
      await loader.waitLine(/^TTS .*WARNING = Greeting failed: .*(descriptor|open files)/);
      await loader.waitLine(/^KWD .*(WARNING = Resume refused|READY FOR WAKE WORD)/); // an open connection needs none
    }
    await loader.waitLine(/^KWD .*READY FOR WAKE WORD/);
    assert.equal(loader.messages("TTS").filter((m) => m.startsWith("Greeting failed")).length, 1, loader.log);
    assert.deepEqual(starts(home), [1, 1, 1, 1], loader.log);
    assert.equal(await loader.interrupt(), 0, loader.log);
  },
);

test(
  "R18: a guardian that cannot be started again is tried again, and the services go on",
  {},
  async (run) => {
    const { home, loader } = run;
    await loader.waitLine(/READY FOR WAKE WORD/);
    {
      using _starved = await starve(loader.pid);
      for (const { pid } of guardiansOf(loader.pid)) kill(pid, "SIGKILL");
      await loader.waitLine(/WARNING = No guardian can be started/);
    }
    await loader.waitLine(/The guardian is there again/);
    assert.equal(guardiansOf(loader.pid).length, 1);
    assert.equal(loader.messages("LOADER", "WARNING").filter((m) => m.startsWith("No guardian")).length, 1);
    assert.deepEqual(starts(home), [1, 1, 1, 1], loader.log);
    assert.equal(await loader.interrupt(), 0, loader.log);
  },
);
