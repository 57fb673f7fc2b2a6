/** `on_loader_death: keep`: services outlive the loader, and the next one goes on with them. CONTRACT §1, §8. */
import assert from "node:assert/strict";
import { isGone, readStat } from "../../lib/sys/process/procfs.ts";
import { kill, LoaderProcess, lowPort, runLoader, TestHome } from "../support/loader_process.ts";
import { fixtures } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

interface Kept {
  home: TestHome;
  config: string;
  ports: number[];
  up(): LoaderProcess;
}

/** Readiness of the two services; default: they answer over HTTP. */
type Readiness = Record<"kwd" | "tts", unknown>;

function test(name: string, act: (kept: Kept) => Promise<void>, readiness?: Readiness): void {
  Deno.test({
    name: /^[A-Z]\d/.test(name) ? name : `adoption ${name}`,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      const ports = [lowPort(), lowPort()];
      const service = (role: "kwd" | "tts", port: number) => ({
        cmd: ["python3", `${fixtures}/talker.py`, String(port), role, "spare"],
        readiness: readiness?.[role] ?? { type: "http", url: `http://127.0.0.1:${port}/ready` },
        control: { kind: "http", url: `http://127.0.0.1:${port}` },
      });
      const config = home.write(
        "loader.yaml",
        JSON.stringify({
          loader: {
            name: "t",
            on_loader_death: "keep",
            startup_sequence: ["kwd", "tts"],
            shutdown_sequence: ["kwd", "tts"],
            health_check_interval_sec: 0.2,
            restart_policy: { backoff: { initial_sec: 0.05 } },
            log: { child_output: false },
          },
          services: { kwd: service("kwd", ports[0]!), tts: service("tts", ports[1]!) },
        }),
      );
      await act({ home, config, ports, up: () => new LoaderProcess(home, ["up", "--config", config]) });
    },
  });
}

const ready = /READY FOR WAKE WORD/;

async function pids(home: TestHome, config: string): Promise<Record<string, number>> {
  const { out } = await runLoader(home, ["status", "--json", "--config", config]);
  const { services } = JSON.parse(out) as { services: { name: string; pid: number }[] };
  return Object.fromEntries(services.map(({ name, pid }) => [name, pid]));
}

async function die(loader: LoaderProcess): Promise<void> {
  loader.signal("SIGKILL");
  await loader.exitCode.catch(() => {});
}

function numbers(path: string, service: string): number[] {
  return [...Deno.readTextFileSync(path).matchAll(new RegExp(`line (\\d+) of ${service}`, "g"))]
    .map((match) => Number(match[1]));
}

test("goes on with the same processes, without a greeting, a gap or a double line", async ({ home, config, ports, up }) => {
  const first = up();
  await first.waitLine(ready);
  const before = await pids(home, config);
  await die(first);

  for (let round = 0; round < 3; round++) {
    const next = up();
    await next.waitLine(ready);
    assert.match(next.messages("KWD").join("\n"), /Adopted \(pid \d+, of boot [0-9a-f]{4}\)/);
    assert.deepEqual(await pids(home, config), before);
    assert.ok(!next.log.includes("Speaking greeting"), next.log);
    if (round < 2) await die(next);
    else {
      assert.equal(await next.interrupt(), 0, next.log);
      await home.assertNothingLeft(ports, next.pid);
    }
  }
  const logs = `${home.state}/alexa-loader/t/logs`;
  for (const service of ["kwd", "tts"]) {
    for (const file of [service, "combined"]) {
      const seen = numbers(`${logs}/${file}.log`, service);
      assert.ok(seen.length > 100);
      assert.deepEqual(seen, [...seen.keys()], `${service} in ${file}.log`);
    }
    const loads = Deno.readTextFileSync(`${logs}/${service}.log`).match(/Starting \(pid/g);
    assert.equal(loads?.length, 1, `${service} was loaded once`);
  }
});

test("watches an adopted service: its death is seen, and a fresh copy started", async ({ home, config, ports, up }) => {
  const first = up();
  await first.waitLine(ready);
  const before = await pids(home, config);
  await die(first);
  await using next = up();
  await next.waitLine(ready);
  kill(before.tts!, "SIGKILL");
  await next.waitLine(/TTS +INFO = Ready in/);
  const after = await pids(home, config);
  assert.equal(after.kwd, before.kwd);
  assert.notEqual(after.tts, before.tts);
  assert.equal(await next.interrupt(), 0, next.log);
  await home.assertNothingLeft(ports, next.pid);
});

test("stops what is not healthy, and starts it anew", async ({ home, config, ports, up }) => {
  const first = up();
  await first.waitLine(ready);
  const before = await pids(home, config);
  await die(first);
  kill(before.kwd!, "SIGSTOP");
  await using next = up();
  await next.waitLine(/KWD +WARNING = Not adopted: pid \d+ is not ready; stopping it/);
  await next.waitLine(ready);
  const after = await pids(home, config);
  assert.notEqual(after.kwd, before.kwd);
  assert.equal(after.tts, before.tts);
  assert.equal(await next.interrupt(), 0, next.log);
  await home.assertNothingLeft(ports, next.pid);
});

test(
  "R11: goes on with services that said by a line or by READY=1 that they are ready",
  async ({ home, config, ports, up }) => {
    const first = up();
    await first.waitLine(ready);
    const before = await pids(home, config);
    await die(first);
    await using next = up();
    await next.waitLine(ready);
    assert.deepEqual(await pids(home, config), before, next.log);
    assert.equal(await next.interrupt(), 0, next.log);
    await home.assertNothingLeft(ports, next.pid);
  },
  { kwd: { type: "notify" }, tts: { type: "log", pattern: "^line 3 of" } },
);

type Config = {
  loader: Record<string, unknown>;
  services: { kwd: { cmd: string[]; env?: Record<string, string>; workdir?: string } };
};

/** What may change between two boots, so that the process of the first is not what the second is configured for. */
const changes: Record<string, (config: Config, home: TestHome) => void> = {
  "R10: an argument was removed": ({ services: { kwd } }) => kwd.cmd.pop(),
  "R10: the environment has changed": ({ services: { kwd } }) => kwd.env = { MODEL: "another" },
  "R10: the program is another one": ({ services: { kwd } }, home) => {
    const link = `${home.dir}/another-python`;
    const { stdout } = new Deno.Command("python3", { args: ["-c", "import sys; print(sys.executable)"] })
      .outputSync();
    Deno.symlinkSync(new TextDecoder().decode(stdout).trim(), link);
    kwd.cmd[0] = link;
  },
  "R10: the working directory has changed": ({ services: { kwd } }, home) => kwd.workdir = home.dir,
  "A03: the port has changed": ({ loader }) => loader.port_hygiene = { ports: { kwd: lowPort() } },
  "A07: the script lies elsewhere": ({ services: { kwd } }, home) => {
    const script = home.write("talker.py", Deno.readTextFileSync(kwd.cmd[1]!));
    kwd.cmd[1] = script;
  },
};

for (const [what, change] of Object.entries(changes)) {
  test(`${what}: the process is not taken over`, async ({ home, config, ports, up }) => {
    const first = up();
    await first.waitLine(ready);
    const before = await pids(home, config);
    await die(first);
    const changed = JSON.parse(Deno.readTextFileSync(config)) as Config;
    change(changed, home);
    Deno.writeTextFileSync(config, JSON.stringify(changed));
    await using next = up();
    await next.waitLine(ready);
    const line = `Not adopted: pid ${before.kwd} was started with another cmd, env, workdir or port`;
    assert.ok(next.messages("KWD", "WARNING").includes(line), next.log);
    assert.match(next.log, /Stopping leftover kwd/);
    const after = await pids(home, config);
    assert.notEqual(after.kwd, before.kwd);
    assert.equal(after.tts, before.tts, next.log);
    assert.ok(isGone(readStat(before.kwd!)));
    assert.equal(await next.interrupt(), 0, next.log);
    await home.assertNothingLeft(ports, next.pid);
  });
}

test("A04: nothing is taken over by a loader that is not to keep anything", async ({ home, config, ports, up }) => {
  const first = up();
  await first.waitLine(ready);
  const before = await pids(home, config);
  await die(first);
  Deno.writeTextFileSync(config, Deno.readTextFileSync(config).replace('"keep"', '"stop"'));
  await using next = up();
  await next.waitLine(ready);
  assert.ok(!next.log.includes("dopted"), next.log);
  for (const pid of Object.values(before)) assert.ok(isGone(readStat(pid)));
  assert.equal(await next.interrupt(), 0, next.log);
  await home.assertNothingLeft(ports, next.pid);
});
