/** `on_loader_death: keep`: services outlive the loader, and the next one goes on with them. CONTRACT §1, §8. */
import assert from "node:assert/strict";
import { kill, LoaderProcess, lowPort, runLoader, TestHome, until } from "../support/loader_process.ts";
import { fixtures } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

interface Kept {
  home: TestHome;
  config: string;
  ports: number[];
  up(): LoaderProcess;
}

function test(name: string, act: (kept: Kept) => Promise<void>): void {
  Deno.test({
    name: `adoption ${name}`,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      const ports = [lowPort(), lowPort()];
      const service = (role: string, port: number) => ({
        cmd: ["python3", `${fixtures}/talker.py`, String(port), role],
        readiness: { type: "http", url: `http://127.0.0.1:${port}/ready` },
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
          services: { kwd: service("kwd", ports[0]), tts: service("tts", ports[1]) },
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
  kill(before.tts, "SIGKILL");
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
  kill(before.kwd, "SIGSTOP");
  await using next = up();
  await next.waitLine(/KWD +WARNING = Not adopted: pid \d+ is not ready; stopping it/);
  await next.waitLine(ready);
  const after = await pids(home, config);
  assert.notEqual(after.kwd, before.kwd);
  assert.equal(after.tts, before.tts);
  assert.equal(await next.interrupt(), 0, next.log);
  await home.assertNothingLeft(ports, next.pid);
});

test("does not take over a process whose configuration has changed", async ({ home, config, ports, up }) => {
  const first = up();
  await first.waitLine(ready);
  const before = await pids(home, config);
  await die(first);
  const text = Deno.readTextFileSync(config);
  Deno.writeTextFileSync(config, text.replace(`"${ports[0]}","kwd"`, `"${ports[0]}","other"`));
  await using next = up();
  await next.waitLine(/Stopping leftover kwd/);
  await next.waitLine(ready);
  assert.notEqual((await pids(home, config)).kwd, before.kwd);
  assert.equal(await next.interrupt(), 0, next.log);
  await until("the end of the old copy", () => {
    try {
      Deno.statSync(`/proc/${before.kwd}`);
      return Deno.readTextFileSync(`/proc/${before.kwd}/stat`).includes(") Z");
    } catch {
      return true;
    }
  });
  await home.assertNothingLeft(ports, next.pid);
});
