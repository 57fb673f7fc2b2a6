/** Loaders that want the same ports or find each other's processes: whoever came first keeps them. Spec: §4; CONTRACT §8. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome, until } from "../support/loader_process.ts";
import { isGone, readStat } from "../../lib/sys/process/procfs.ts";
import { fixtures } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

interface House {
  home: TestHome;
  ports: number[];
  /** Writes a configuration of two services on the same ports each time, and returns its path. */
  config(file: string, name: string): string;
}

function test(name: string, act: (house: House) => Promise<void>): void {
  Deno.test({
    name,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      const ports = [lowPort(), lowPort()];
      const service = (role: string, port: number) => ({
        cmd: ["python3", `${fixtures}/talker.py`, String(port), role],
        readiness: { type: "http", url: `http://127.0.0.1:${port}/ready` },
      });
      await act({
        home,
        ports,
        config: (file, name) =>
          home.write(
            file,
            JSON.stringify({
              loader: {
                name,
                on_loader_death: "keep",
                startup_sequence: ["kwd", "tts"],
                shutdown_sequence: ["kwd", "tts"],
                health_check_interval_sec: 0.2,
                log: { child_output: false },
              },
              services: { kwd: service("kwd", ports[0]!), tts: service("tts", ports[1]!) },
            }),
          ),
      });
    },
  });
}

const up = (home: TestHome, config: string, env: Record<string, string> = {}) =>
  new LoaderProcess(home, ["up", "--config", config], { env });
const ready = /READY FOR WAKE WORD/;

/** Pids of the services that a loader has started, by its log. */
function started(loader: LoaderProcess): number[] {
  return loader.lines.flatMap(({ message }) =>
    /^Starting \(pid (\d+)/.exec(message)?.slice(1).map(Number) ?? []
  );
}

/** This run is refused because of `owner`, and none of the services takes any notice. */
async function assertRefused(
  second: LoaderProcess,
  owner: number,
  services: readonly number[],
): Promise<void> {
  assert.equal(await second.exit(), 3, second.log);
  assert.match(second.log, new RegExp(`running alexa-loader pid ${owner} \\(`));
  assert.doesNotMatch(second.log, /Stopping /);
  for (const pid of services) assert.ok(!isGone(readStat(pid)), `${pid} has ended\n${second.log}`);
}

test("R4: a copy of the configuration does not kill the running assistant, whatever its name and folders", async ({ home, ports, config }) => {
  const first = up(home, config("loader.yaml", "t"));
  await first.waitLine(ready);
  const services = started(first);
  const other = {
    HOME: `${home.dir}/other`,
    XDG_STATE_HOME: `${home.dir}/other`,
    XDG_RUNTIME_DIR: `${home.dir}/other`,
  };
  Deno.mkdirSync(other.HOME);
  await assertRefused(up(home, config("copy.yaml", "u")), first.pid, services);
  await assertRefused(up(home, config("copy.yaml", "u"), other), first.pid, services);
  assert.equal(first.messages("KWD", "WARNING").concat(first.messages("TTS", "WARNING")).join("\n"), "");
  assert.equal(await first.interrupt(), 0, first.log);
  await home.assertNothingLeft(ports, first.pid);
});

test("R4: the same configuration again after its state folder was removed does not kill it either", async ({ home, config }) => {
  const path = config("loader.yaml", "t");
  const first = up(home, path);
  await first.waitLine(ready);
  const services = started(first);
  // Taken away in one step: removing file by file would race with the loader's writing.
  Deno.renameSync(`${home.state}/alexa-loader`, `${home.dir}/removed`);
  await assertRefused(up(home, path), first.pid, services);
  assert.equal(await first.interrupt(), 0, first.log);
});

test("R4: services that were adopted belong to the loader that adopted them", async ({ home, config }) => {
  const path = config("loader.yaml", "t");
  const first = up(home, path);
  await first.waitLine(ready);
  const services = started(first);
  first.signal("SIGKILL");
  await first.exitCode.catch(() => {});
  const copied = `${home.dir}/copied`;
  Deno.mkdirSync(`${copied}/alexa-loader/t`, { recursive: true });
  const state = (dir: string) => `${dir}/alexa-loader/t/state.json`;
  Deno.copyFileSync(state(home.state), state(copied));

  const next = up(home, path);
  await next.waitLine(ready);
  // With the state of the dead loader in its hands, and in another place.
  await assertRefused(
    up(home, path, { XDG_STATE_HOME: copied, XDG_RUNTIME_DIR: copied }),
    next.pid,
    services,
  );
  assert.equal(await next.interrupt(), 0, next.log);
});

test("R24: of six loaders that want the same ports at the same moment exactly one has them", async ({ home, ports, config }) => {
  const names = [..."abcdef"];
  const paths = names.map((name) => config(`${name}.yaml`, name));
  const all = paths.map((path) => up(home, path));
  const ended = new Map<LoaderProcess, number>();
  for (const loader of all) void loader.exitCode.then((code) => ended.set(loader, code), () => {});
  const winner = await until(
    "a winner",
    () => all.find((it) => it.lines.some((line) => ready.test(line.text))),
  );
  await until("the end of five", () => ended.size === 5, () => all.map((it) => it.log).join("\n---\n"));
  for (const [loser, code] of ended) {
    assert.equal(code, 3, loser.log);
    assert.match(loser.log, new RegExp(`belong to the running alexa-loader pid ${winner.pid} \\(`));
    assert.deepEqual(started(loser), [], loser.log);
  }
  assert.equal(await winner.interrupt(), 0, winner.log);
  assert.deepEqual(
    winner.lines.filter(({ level }) => level === "WARNING" || level === "ERROR").map(({ text }) => text),
    [],
  );
  await home.assertNothingLeft(ports, winner.pid);
});
