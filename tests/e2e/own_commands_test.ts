/**
 * Commands that the loader runs itself (exec probes and warm-ups, control verbs): whatever they do, it goes on, and nothing
 * of them outlives it. Spec: §4, §6, §9; CONTRACT §2, §4, §5.
 */
import assert from "node:assert/strict";
import { guardiansOf } from "../chaos/look.ts";
import { isGone, readStat } from "../../lib/sys/process/procfs.ts";
import { kill, LoaderProcess, lowPort, TestHome, until } from "../support/loader_process.ts";
import { carriers } from "../support/leftovers.ts";
import { read } from "../support/strangers.ts";

const test = (name: string, act: (home: TestHome) => Promise<void>) =>
  Deno.test({
    name,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using home = new TestHome();
      await act(home);
    },
  });

type Settings = Record<string, unknown>;
const sleeper = ["sleep", "300"];
const at = (cmd: string[], timeout_ms = 60_000) => ({ type: "exec", cmd, timeout_ms });
/** A `$` of a configuration is written twice. */
const sh = (script: string) => ["sh", "-c", script.replaceAll("$", () => "$$")];

/** A configuration of these services, in this order; each is a process that does nothing. */
function configOf(home: TestHome, services: Record<string, Settings>, loader: Settings = {}): string {
  const names = Object.keys(services);
  const usual = { cmd: sleeper, readiness: at(["true"]), warmup: false };
  return home.write(
    "loader.yaml",
    JSON.stringify({
      loader: {
        name: "t",
        startup_sequence: names,
        shutdown_sequence: names,
        graceful_shutdown: { per_service_grace_sec: 0.4 },
        ...loader,
      },
      services: Object.fromEntries(names.map((name) => [name, { ...usual, ...services[name] }])),
    }),
  );
}

const up = (home: TestHome, config: string, cwd?: string) =>
  new LoaderProcess(home, ["up", "--config", config], { cwd });
const living = (pid: number) => !isGone(readStat(pid));
const pidIn = (home: TestHome, name = "pid") =>
  until(name, () => Number(read(`${home.dir}/${name}`)) || null);

test("R1: an exec readiness that leaves a daemon with its output is ready, and the daemon goes", async (home) => {
  const probe = sh(
    `setsid sh -c 'echo $$ > ${home.dir}/pid; exec sleep 300' & while ! [ -s ${home.dir}/pid ]; do sleep 0.01; done`,
  );
  await using loader = up(home, configOf(home, { one: { readiness: at(probe) } }));
  await loader.waitLine(/entering SYSTEM_READY/);
  assert.ok(!living(await pidIn(home)));
  assert.equal(await loader.interrupt(), 0, loader.log);
  await home.assertNothingLeft([], loader.pid);
});

test("R1: a stop ends a command that leaves a daemon with its output", async (home) => {
  const probe = sh(
    `setsid sh -c 'trap "" TERM; echo $$ > ${home.dir}/pid; while :; do sleep 1; done' & sleep 300`,
  );
  await using loader = up(home, configOf(home, { one: { readiness: at(probe) } }));
  await pidIn(home);
  assert.equal(await loader.interrupt(), 0, loader.log);
  await home.assertNothingLeft([], loader.pid);
});

/** Where a command may stand, as services of a configuration. */
const places: Record<string, (cmd: string[]) => Record<string, Settings>> = {
  "exec readiness": (cmd) => ({ one: { readiness: at(cmd) } }),
  "exec health": (cmd) => ({ one: { health: { probe: at(cmd), interval_sec: 0.05 } } }),
  "exec warm-up": (cmd) => ({ one: { warmup: { kind: "exec", cmd } } }),
  "control verb": (cmd) => ({ kwd: {}, tts: { control: { kind: "command", speak: [...cmd, "{text}"] } } }),
};

for (const [place, services] of Object.entries(places)) {
  test(`R3: kill -9 of the loader ends its ${place}`, async (home) => {
    const cmd = sh(`echo $$ > ${home.dir}/pid; exec sleep 300`);
    await using loader = up(home, configOf(home, services(cmd)));
    const pid = await pidIn(home);
    await die(loader);
    await until("the command's end", () => !living(pid), undefined, 5000);
    await until("the guardian's end", () => guardiansOf(loader.pid).length === 0);
    assert.deepEqual(carriers(home.mark), []);
  });
}

/** With our environment gone, only its number tells of it. */
const nameless = 'exec env -i "$(command -v sleep)" 300';

test("R3: kill -9 of the loader ends a command that has given its environment away", async (home) => {
  const cmd = sh(`echo $$ > ${home.dir}/pid; ${nameless}`);
  await using loader = up(home, configOf(home, { one: { readiness: at(cmd) } }));
  const pid = await recorded(home);
  await die(loader);
  await until("the command's end", () => !living(pid), undefined, 5000);
});

for (const [how, last] of [["its mark", "exec sleep 300"], ["its record", nameless]]) {
  test(`R3: up stops a command that a killed loader and guardian have left, by ${how}`, async (home) => {
    const script = `[ -e ${home.dir}/go ] && exit 0; echo $$ > ${home.dir}/pid; ${last}`;
    const config = configOf(home, { one: { readiness: at(sh(script)) } });
    await using first = up(home, config);
    const pid = await recorded(home);
    const guardian = guardiansOf(first.pid)[0]!;
    kill(first.pid, "SIGSTOP"); // so that it cannot start another guardian
    kill(guardian, "SIGKILL");
    await die(first);
    assert.ok(living(pid), "it outlives them");
    home.write("go", "");
    await using second = up(home, config);
    await second.waitLine(/entering SYSTEM_READY/);
    assert.ok(!living(pid), second.log);
    assert.match(second.log, /Stopping leftover command/);
    assert.equal(await second.interrupt(), 0, second.log);
    await home.assertNothingLeft([], second.pid);
  });
}

/** Its pid, once it is known to guardian and state file. */
async function recorded(home: TestHome): Promise<number> {
  const pid = await pidIn(home);
  const state = `${home.state}/alexa-loader/t/state.json`;
  await until(
    "its record",
    () => JSON.parse(read(state) ?? "{}").commands?.some((id: string) => id.startsWith(`${pid}:`)),
  );
  return pid;
}

async function die(loader: LoaderProcess): Promise<void> {
  loader.signal("SIGKILL");
  await loader.exitCode.catch(() => {});
}

test("R3: a service is adopted, the command that was asking for its health is not", async (home) => {
  const health = sh(`[ -e ${home.dir}/go ] && exit 0; echo $$ > ${home.dir}/pid; exec sleep 300`);
  const config = configOf(
    home,
    { one: { health: { probe: at(health), interval_sec: 0.05 } } },
    { on_loader_death: "keep" },
  );
  await using first = up(home, config);
  const pid = await pidIn(home);
  await die(first);
  home.write("go", "");
  await using second = up(home, config);
  await second.waitLine(/entering SYSTEM_READY/);
  assert.match(second.log, /ONE +INFO = Adopted/);
  assert.ok(!living(pid), second.log);
  assert.equal(await second.interrupt(), 0, second.log);
  await home.assertNothingLeft([], second.pid);
});

test("P6: commands run in the service's folder, with its environment, from wherever the loader is started", async (home) => {
  Deno.mkdirSync(`${home.dir}/work`);
  home.write("work/here", "");
  // Each tells what it sees, and fails where its folder is another one.
  const tell = (name: string, then = ":") =>
    sh(
      `[ -e here ] && echo $ALEXA_SERVICE $ALEXA_BOOT_ID $ALEXA_BIND_PORT $OWN >> ${home.dir}/${name} && ${then}`,
    );
  const common = { workdir: "work", env: { OWN: "own" } };
  const ports = { kwd: lowPort(), tts: lowPort() };
  const config = configOf(home, {
    kwd: {
      ...common,
      readiness: at(tell("readiness")),
      warmup: { kind: "exec", cmd: tell("warmup") },
      health: { probe: at(tell("health")), interval_sec: 0.05 },
      control: { kind: "command", pause: tell("pause"), resume: tell("resume") },
    },
    tts: { ...common, control: { kind: "command", speak: [...tell("speak", "sleep 0.3"), "{text}"] } },
  }, { port_hygiene: { ports } });
  await using loader = up(home, config, "/");
  await loader.waitLine(/READY FOR WAKE WORD/);
  await until("a health check", () => read(`${home.dir}/health`));
  const boot = /boot (\w{4})/.exec(loader.log)![1];
  for (const name of ["readiness", "warmup", "health", "pause", "resume", "speak"]) {
    const [service, id, port, own] = read(`${home.dir}/${name}`)!.split("\n")[0]!.split(" ");
    const wanted = name === "speak" ? "tts" : "kwd";
    assert.deepEqual([service, id!.slice(0, 4), port, own], [wanted, boot, `${ports[wanted]}`, "own"], name);
  }
  assert.ok(!/WARNING|ERROR/.test(loader.log), loader.log);
  assert.equal(await loader.interrupt(), 0, loader.log);
});
