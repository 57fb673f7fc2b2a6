/** A running loader takes another configuration over: what has not changed is not touched. Spec: §3, §6. */
import assert from "node:assert/strict";
import type { ReloadReport } from "../../lib/model/difference.ts";
import { claimants } from "../../lib/sys/process/claim.ts";
import { carriers, guardiansOf } from "../support/leftovers.ts";
import { kill, lowPort, until } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";
import { crashes, never, type Service, sleeper, World } from "../support/sleepers.ts";
import { withProcesses } from "../support/with_processes.ts";
import { withoutPython } from "../unit/demo/python.ts";

const { test } = withProcesses;

test("reload restarts only what has changed, adds in order, removes with all descendants, and touches nobody else", async (t) => {
  await using world = new World();
  const child = `${world.home.dir}/child`;
  const parent = sleeper(`setsid sh -c 'trap "" TERM; echo $$$$ > ${child}; while :; do sleep 1; done' & `);
  await world.boot({ a: sleeper(), b: sleeper(), c: parent });
  const descendant = await until("its child", () => Number(read(child)) || null);
  const first = await world.pids();
  await using bystander = sleep();

  await t.step("an unchanged file changes nothing", async () => {
    const { code, out } = await world.command("reload");
    assert.deepEqual([code, out], [0, "nothing has changed"]);
    assert.deepEqual(await world.pids(), first);
  });

  await t.step("a dry run only says what would change, and what it costs", async () => {
    world.write({ a: sleeper(), b: sleeper("echo new; ", { env: { TOKEN: "hunter2" } }), c: parent });
    const { code, out } = await world.command("reload", "--dry-run");
    assert.deepEqual([code, out.replace(/[\d.]+ m?s\b/, "N ms").split("\n")], [0, [
      "would reload: 1 service starts, within N ms by the history (p95)",
      "  b: restarts (cmd, env.TOKEN)",
    ]]);
    assert.deepEqual(await world.pids(), first);
  });

  await t.step("a changed command restarts its service and no other", async () => {
    const { code, out } = await world.command("reload", "--json");
    const report: ReloadReport = JSON.parse(out);
    assert.deepEqual([code, report.reload, report.failed], [0, 1, []]);
    assert.deepEqual(report.starts.map(({ service, p95_ms }) => [service, (p95_ms ?? 0) > 0]), [["b", true]]);
    const now = await world.pids();
    assert.deepEqual({ ...now, b: first.b }, first);
    assert.notEqual(now.b, first.b);
    assert.ok(world.loader.messages("B").includes("new"), world.loader.log);
    assert.ok(!world.loader.log.includes("hunter2"));
  });

  await t.step(
    "an invalid file changes nothing, and is told at its place, to whoever asked",
    async () => {
      const before = await world.pids();
      world.home.write("loader.yaml", Deno.readTextFileSync(world.config).replace('"cmd"', '"comand"'));
      const { code, err } = await world.command("reload");
      assert.equal(code, 2);
      assert.match(err, /loader\.yaml:\d+:\d+: .*comand/);
      world.loader.signal("SIGHUP");
      await world.loader.waitLine(
        /ERROR = Reload \(SIGHUP\) refused, nothing was changed: .*loader\.yaml:\d/,
      );
      await world.loader.waitLine(/ERROR = .*loader\.yaml:\d+:\d+: .*comand/);
      await assert.rejects(world.reload(), { code: "config_invalid", message: /comand/ });
      assert.deepEqual(await world.pids(), before);
    },
  );

  await t.step("a command that is not there changes nothing", async () => {
    const before = await world.pids();
    world.write({ a: sleeper(), b: sleeper("", { cmd: ["/nowhere/b"] }), d: sleeper() });
    const { code, err } = await world.command("reload");
    assert.equal(code, 3, err);
    assert.match(err, /cannot start, not there: b: the command "\/nowhere\/b"/);
    assert.deepEqual(await world.pids(), before);
  });

  await t.step(
    "SIGHUP reloads: one more in the midst, one less, in another order; settings of the loader",
    async () => {
      const before = await world.pids();
      world.write({ b: sleeper("echo new; ", { env: { TOKEN: "hunter2" } }), d: sleeper(), a: sleeper() }, {
        fail_fast_on_repeated_failures: false,
        health_check_interval_sec: 9,
        gpu_index: 3,
      });
      world.loader.signal("SIGHUP");
      await world.loader.waitLine(/Reload 2 is over after/);
      const told = world.loader.messages("LOADER").filter((line) => line.startsWith("Reload 2"));
      assert.deepEqual(told.slice(0, -1), [
        "Reload 2 (SIGHUP): 1 service starts",
        "Reload 2: c: is removed",
        "Reload 2: b: changes as it runs (health)",
        "Reload 2: a: changes as it runs (health)",
        "Reload 2: d: is added",
        "Reload 2: loader: startup_sequence, shutdown_sequence",
        "Reload 2: needs a restart of the loader: gpu_index",
      ]);
      const now = await world.pids();
      assert.deepEqual(Object.keys(now), ["b", "d", "a"]);
      assert.deepEqual([now.a, now.b], [before.a, before.b]);
      assert.ok(now.d);
      assert.ok(
        !carriers(world.home.mark).some(({ pid }) => pid === first.c || pid === descendant),
        "c left something",
      );
      const status = await world.status();
      assert.deepEqual([status.state, status.degraded], ["SYSTEM_READY", null]);
      assert.deepEqual(Object.keys(status.capabilities), ["b", "d", "a"]);
      assert.ok(
        !world.loader.messages("LOADER").includes("SYSTEM_READY again"),
        "who is dismissed is not missed",
      );
    },
  );

  assert.ok(isThere(bystander.pid), "a bystander was ended");
  await world.end();
  assert.deepEqual(world.loader.messages("LOADER").filter((line) => line.startsWith("Stopping")), [
    "Stopping (SIGINT): a, d, b",
  ]);
});

test("reload told twice at once, and ten times more, does it once", async () => {
  await using world = new World();
  await world.boot({ a: sleeper(), b: sleeper() });
  const before = await world.pids();
  world.write({ a: sleeper("echo new; "), b: sleeper() });
  const reports = await Promise.all(Array.from({ length: 12 }, () => world.reload()));
  assert.deepEqual(reports.map(({ reload }) => reload).sort(), [1, ...Array(11).fill(null)].sort());
  const now = await world.pids();
  assert.equal(now.b, before.b);
  assert.equal(world.loader.messages("A").filter((line) => line.startsWith("Starting")).length, 2);
  await world.end();
});

test("reload goes past a service that crashes again and again, and mends it when that is what changed", async () => {
  await using world = new World();
  const policy = { restart_policy: { max_restarts: 1000, backoff: { initial_sec: 0.1, max_sec: 0.1 } } };
  await world.boot({ a: sleeper(), b: sleeper() }, policy);
  const before = await world.pids();
  world.write({ a: sleeper(), b: sleeper(crashes) }, policy);
  const broken = world.reload(); // which waits for it
  broken.catch(() => {});
  await world.loader.waitLine(/B +WARNING = Exited with code 1 .*restart 3/);
  assert.equal((await world.status()).state, "DEGRADED");

  world.write({ a: sleeper(), b: sleeper(crashes), c: sleeper() }, policy);
  const added = world.reload();
  world.write({ a: sleeper(), b: sleeper("echo mended; "), c: sleeper() }, policy);
  await world.reload();
  assert.deepEqual((await Promise.all([broken, added])).map(({ failed }) => failed), [[], []]);
  const now = await world.pids();
  assert.equal(now.a, before.a);
  assert.ok(now.b && now.c);
  await world.loader.waitLine(/SYSTEM_READY again: b is back/);
  await world.end();
});

test("a service whose new settings do not come up follows its restart policy, and the reload is named", async () => {
  await using world = new World();
  await world.boot({ a: sleeper(), b: sleeper() });
  const before = await world.pids();
  world.write({ a: sleeper(crashes), b: sleeper() });
  const { code, out } = await world.command("reload");
  assert.equal(code, 4, out);
  assert.match(out, /did not come up: a;/);
  await world.loader.waitLine(/ERROR = Reload 1 left a down: not up with the settings it brought/);
  await world.loader.waitLine(/DEGRADED: a failed \(2 restarts in 600 s\)/);
  assert.equal((await world.pids()).b, before.b);

  world.write({ b: sleeper() });
  assert.deepEqual((await world.reload()).failed, []);
  await world.loader.waitLine(/SYSTEM_READY again/);
  assert.deepEqual(await world.pids(), { b: before.b });
  await world.end();
});

test("reload during the boot: it goes on with the new settings, whoever's turn it is", async () => {
  await using world = new World();
  world.write({ a: sleeper(), b: sleeper(never), c: sleeper(never), d: sleeper() });
  const loader = world.up();
  await loader.waitLine(/B +INFO = loading/);
  const { a } = await world.pids();
  world.write({ a: sleeper(), b: sleeper("echo mended; "), x: sleeper(), d: sleeper("echo other; ") });
  const report = await world.reload();
  assert.deepEqual([report.difference.removed, report.starts.map(({ service }) => service)], [["c"], [
    "b",
    "x",
  ]]);
  await loader.waitLine(/SYSTEM_READY: total_boot/);
  assert.equal((await world.pids()).a, a);
  assert.deepEqual(loader.messages("C"), []);
  assert.ok(loader.messages("D").includes("other"));
  const ready = loader.lines.filter(({ message }) => message.startsWith("Ready in")).map(({ tag }) => tag);
  assert.deepEqual(ready, ["A", "B", "X", "D"]);
  await world.end();
});

test("reload as early as the precheck is done when that is over", async () => {
  await using world = new World();
  world.write({ a: sleeper(never), b: sleeper() });
  const loader = world.up();
  await loader.waitLine(/alexa-loader .*, boot /);
  world.write({ a: sleeper(), b: sleeper() });
  loader.signal("SIGHUP");
  await loader.waitLine(/SYSTEM_READY: total_boot/);
  await loader.waitLine(/Reload 1 is over/);
  await world.end();
});

test("a port that somebody has refuses the reload, and is free for others once it is not wanted any more", async () => {
  await using world = new World();
  await world.boot({ a: sleeper() });
  const before = await world.pids();
  const listener = Deno.listen({ port: lowPort(), hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const ports = { port_hygiene: { ports: { b: port } } };
  world.write({ a: sleeper("echo new; "), b: sleeper() }, ports);
  const { code, err } = await world.command("reload");
  assert.equal(code, 3, err);
  assert.match(err, new RegExp(`port ${port} \\(b\\) is held by pid ${Deno.pid} `));
  assert.deepEqual(await world.pids(), before);
  listener.close();

  assert.deepEqual((await world.reload()).failed, []);
  const claimed = () => claimants(`port/${port}`);
  assert.deepEqual(claimed(), [world.loader.pid]);
  world.write({ a: sleeper("echo new; ") });
  assert.deepEqual((await world.reload()).difference.removed, ["b"]);
  assert.equal(claimed(), null);
  await world.end();
});

test("with on_loader_death: keep the next loader goes on with what a reload has started", async () => {
  await using world = new World();
  const keep = { on_loader_death: "keep" };
  await world.boot({ a: sleeper(), b: sleeper() }, keep);
  world.write({ a: sleeper("echo new; "), b: sleeper(), c: sleeper() }, keep);
  assert.deepEqual((await world.reload()).failed, []);
  const before = await world.pids();
  const recorded = () => {
    const { services } = JSON.parse(read(`${world.home.state}/alexa-loader/t/state.json`));
    return ["a", "c"].every((name) => services[name]?.pid === before[name] && services[name].ready);
  };
  await until("what it started on record", recorded);
  kill(world.loader.pid, "SIGKILL");
  await world.loader.exitCode.catch(() => {});
  world.up();
  await world.loader.waitLine(/SYSTEM_READY: total_boot/);
  assert.deepEqual(await world.pids(), before);
  await world.end();
});

test("another grace is the guardian's, too: a new one takes over", async () => {
  await using world = new World();
  await world.boot({ a: sleeper() });
  const [first] = guardiansOf(world.loader.pid);
  world.write({ a: sleeper() }, { graceful_shutdown: { per_service_grace_sec: 2 } });
  const { difference } = await world.reload();
  assert.deepEqual(difference.loader, ["graceful_shutdown"]);
  const only = await until("one other guardian", () => {
    const [guardian, ...more] = guardiansOf(world.loader.pid);
    return more.length === 0 && guardian && guardian.pid !== first!.pid && guardian;
  });
  assert.ok(only);
  kill(world.loader.pid, "SIGKILL");
  await world.loader.exitCode.catch(() => {});
  await until("the guardian's work", () => carriers(world.home.mark).length === 0, () => "", 5000);
});

test("reload goes together with reload --exec, before and after, and a service that a person has stopped stays so", async () => {
  await using world = new World();
  await world.boot({ a: sleeper(), b: sleeper() });
  assert.equal((await world.command("stop", "b")).code, 0);
  world.write({ a: sleeper("echo new; "), b: sleeper("echo new; ") });
  assert.deepEqual((await world.reload()).starts.map(({ service }) => service), ["a"]);
  const before = await world.pids();
  assert.equal(before.b, null);
  const { code, err } = await world.command("reload", "--exec");
  assert.equal(code, 0, err);
  assert.deepEqual(await world.pids(), before);
  world.write({ a: sleeper("echo new; "), b: sleeper("echo new; "), c: sleeper() });
  assert.deepEqual((await world.reload()).failed, []);
  const now = await world.pids();
  assert.deepEqual({ ...now, c: undefined }, { ...before, c: undefined });
  assert.ok(now.c);
  assert.equal((await world.command("start", "b")).code, 0);
  assert.ok(world.loader.messages("B").includes("new"), "it starts as it is configured now");
  await world.end();
});

test("a stop in the midst of a reload ends all of it", async () => {
  await using world = new World();
  await world.boot({ a: sleeper(), b: sleeper() });
  world.write({ a: sleeper(), b: sleeper(never), c: sleeper() });
  world.loader.signal("SIGHUP");
  await world.loader.waitLine(/B +INFO = loading/);
  await world.end();
  assert.equal(world.loader.messages("LOADER", "ERROR").length, 0, world.loader.log);
});

test("a loader that is killed right after a reload leaves nothing, and the next one finds nothing", async () => {
  await using world = new World();
  await world.boot({ a: sleeper(), b: sleeper() });
  world.write({ a: sleeper("echo new; "), c: sleeper() });
  assert.deepEqual((await world.reload()).failed, []);
  kill(world.loader.pid, "SIGKILL");
  await world.loader.exitCode.catch(() => {});
  await until("the guardian's work", () => carriers(world.home.mark).length === 0, () => "", 5000);
  world.up();
  await world.loader.waitLine(/SYSTEM_READY: total_boot/);
  assert.ok(!/[Ll]eftover/.test(world.loader.log), world.loader.log);
  await world.end();
});

test({
  name: "reload lets two services swap their ports, and a wake word that comes back is told to listen",
  ignore: withoutPython,
  async fn() {
    await using world = new World();
    const { config, ports, portList } = assistant(world.home);
    const loader = world.up();
    await loader.waitLine(/READY FOR WAKE WORD/);
    const before = await world.pids();
    const text = Deno.readTextFileSync(config);
    const write = (
      change: (all: { services: Record<string, Service>; loader: Record<string, string[]> }) => void,
    ) => {
      const all = JSON.parse(text.replaceAll(/\d{5}/g, (port) => String(swapped.get(Number(port)) ?? port)));
      change(all);
      Deno.writeTextFileSync(config, JSON.stringify(all));
    };
    const swapped = new Map([[ports.STT, ports.TTS], [ports.TTS, ports.STT]]);

    write(() => {});
    const swap = await world.reload();
    assert.deepEqual(
      [swap.starts.map(({ service }) => service), swap.failed],
      [["stt", "tts"], []],
      loader.log,
    );
    const { kwd, llm } = await world.pids();
    assert.deepEqual([kwd, llm], [before.kwd, before.llm]);

    write((all) => {
      delete all.services.kwd;
      for (const order of ["startup_sequence", "shutdown_sequence"]) {
        all.loader[order] = all.loader[order]!.filter((name) => name !== "kwd");
      }
    });
    assert.deepEqual((await world.reload()).difference.removed, ["kwd"]);
    assert.equal((await world.status()).capabilities["wake word"], undefined);

    write(() => {});
    assert.deepEqual((await world.reload()).failed, [], loader.log);
    await until(
      "the new wake word's ear",
      () => world.home.events("kwd").filter((e) => e === "resume").length === 2,
    );
    assert.equal((await world.status()).listening, true);

    // The same service in another part is another service.
    write((all) => all.services.llm!.role = "other");
    assert.deepEqual((await world.reload()).starts.map(({ service }) => service), ["llm"]);
    assert.deepEqual((await world.status()).capabilities, {
      "wake word": true,
      transcription: true,
      llm: true,
      speech: true,
    });
    assert.equal((await world.status()).state, "SYSTEM_READY");
    assert.equal(await loader.interrupt(), 0, loader.log);
    await world.home.assertNothingLeft(portList, loader.pid);
  },
});

test("SIGHUP is a hang-up where a terminal controls the loader", async () => {
  await using world = new World();
  world.write({ a: sleeper() });
  world.up(["python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"]);
  await world.loader.waitLine(/SYSTEM_READY: total_boot/);
  kill((await world.status()).pid, "SIGHUP");
  assert.equal(await world.loader.exit(), 0, world.loader.log);
  assert.match(world.loader.log, /Stopping \(SIGHUP\): a/);
});

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function isThere(pid: number): boolean {
  return read(`/proc/${pid}/stat`) !== "" && !/\) Z /.test(read(`/proc/${pid}/stat`));
}

/** Somebody else's process. */
function sleep(): { pid: number } & AsyncDisposable {
  const child = new Deno.Command("sleep", { args: ["300"], stdin: "null" }).spawn();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}
