/** Ports, sockets and PID files before a boot. Each stranger here must outlive its test. */
import assert from "node:assert/strict";
import { type HygieneOptions, runHygiene } from "../../../lib/clean_start/hygiene.ts";
import { describeBusy } from "../../../lib/clean_start/port_owner.ts";
import { ExitCode, LoaderError } from "../../../lib/errors.ts";
import type { BootPlan } from "../../../lib/model/plan.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { randomHex, userId } from "../../../lib/sys/host.ts";
import { freePort, isPortFree } from "../../../lib/sys/net/ports.ts";
import { isGone, readStat } from "../../../lib/sys/process/procfs.ts";
import { hygienePlan, previousState, rememberingLog } from "../../support/hygiene_plan.ts";
import { lowPort } from "../../support/loader_process.ts";
import { bystander, claimHolder, portHolder, read, start, until } from "../../support/strangers.ts";
import { withProcesses } from "../../support/with_processes.ts";

const linux = { ignore: Deno.build.os !== "linux" };

function run(plan: BootPlan, changes: Partial<HygieneOptions> = {}) {
  const log = rememberingLog();
  const report = runHygiene(plan, {
    clock: systemClock,
    log,
    previous: null,
    uid: userId(),
    graceMs: 2000,
    ...changes,
  });
  return { log, report };
}

async function refusal(plan: BootPlan, changes: Partial<HygieneOptions> = {}): Promise<LoaderError> {
  const error = await run(plan, changes).report.then(() => null, (e) => e);
  assert.ok(error instanceof LoaderError, `not refused: ${error}`);
  assert.equal(error.code, "port_busy");
  assert.equal(error.exitCode, ExitCode.precheck);
  return error;
}

Deno.test("runHygiene() does nothing when everything is free", linux, async () => {
  const { log, report } = run(hygienePlan({ stt: { port: freePort() } }));
  assert.deepEqual(await report, { leftovers: [], removed: [], freed: [] });
  assert.deepEqual(log.lines, []);
});

withProcesses.test("runHygiene() names every busy port and its stranger, who lives", linux, async () => {
  await using one = await portHolder();
  await using two = await portHolder();
  const plan = hygienePlan({ stt: { port: one.port }, llm: { port: two.port }, tts: { port: freePort() } });
  const error = await refusal(plan);
  for (const [name, it] of Object.entries({ stt: one, llm: two })) {
    assert.ok(
      error.message.includes(`${it.port} (${name}) is held by pid ${it.pid} (${it.argv[0]}`),
      error.message,
    );
  }
  assert.match(error.message, /^2 ports are busy: /);
  assert.match(error.message, / of user \w+/);
  assert.match(error.hint!, new RegExp(`kill ${one.pid} ${two.pid}.*kill_orphans: any`));
  assert.ok(one.alive && two.alive);
});

for (const hostname of ["0.0.0.0", "::1", "::"]) {
  withProcesses.test({
    name: `runHygiene() looks at other addresses than 127.0.0.1 too: ${hostname}`,
    ignore: linux.ignore || (hostname.includes(":") && !hasIpv6()),
    async fn() {
      await using stranger = await portHolder({ hostname });
      const error = await refusal(hygienePlan({ stt: { port: stranger.port } }));
      assert.ok(error.message.includes(`pid ${stranger.pid}`), error.message);
      assert.ok(stranger.alive);
    },
  });
}

withProcesses.test("runHygiene() stops a proved leftover on the port and goes on", linux, async () => {
  await using stranger = bystander();
  await using service = await portHolder();
  const { report, log } = run(hygienePlan({ stt: { port: service.port } }), {
    previous: previousState(randomHex(12), { stt: service }),
  });
  assert.deepEqual(await report, { leftovers: ["stt"], removed: [], freed: [] });
  assert.ok(!service.alive && stranger.alive && isPortFree(service.port));
  assert.match(log.lines[0]!, /^LOADER WARNING = Stopping leftover stt of boot \w+: pid \d+ \(/);
});

withProcesses.test(
  "runHygiene() takes a record with a wrong start time for what it is: a stranger",
  linux,
  async () => {
    await using stranger = await portHolder();
    const previous = previousState(randomHex(12), {
      stt: { ...stranger, startTime: stranger.startTime - 1 },
    });
    const error = await refusal(hygienePlan({ stt: { port: stranger.port } }), { previous });
    assert.ok(error.message.includes(`pid ${stranger.pid}`));
    assert.ok(stranger.alive);
  },
);

withProcesses.test(
  "runHygiene() stops who runs the configured command, and nobody whose command is almost that",
  linux,
  async () => {
    await using orphan = await portHolder();
    const plan = hygienePlan({ stt: { port: orphan.port, cmd: orphan.argv } });
    const almost = hygienePlan({ stt: { port: orphan.port, cmd: [...orphan.argv, "--more"] } });
    await refusal(almost);
    await refusal(hygienePlan({ stt: { port: orphan.port, cmd: orphan.argv } }, { killOrphans: "none" }));
    await refusal(hygienePlan({ stt: { port: orphan.port, cmd: orphan.argv } }, { enabled: false }));
    assert.ok(orphan.alive);
    const { report, log } = run(plan);
    assert.deepEqual((await report).freed, [orphan.port]);
    assert.ok(!orphan.alive);
    assert.match(
      log.lines[0]!,
      /^LOADER WARNING = Stopping what holds port \d+ \(stt\): pid \d+ \(.+\) of user \w+, since its command is the configured one$/,
    );
  },
);

withProcesses.test(
  "H14: a program of the same name with as many arguments is not the configured command",
  linux,
  async () => {
    await using stranger = await portHolder();
    for (const at of [0, stranger.argv.length - 1]) {
      const cmd = stranger.argv.with(at, at === 0 ? "/bin/sh" : `${stranger.argv[at]}x`);
      await refusal(hygienePlan({ stt: { port: stranger.port, cmd } }));
      assert.ok(stranger.alive, cmd.join(" "));
    }
  },
);

withProcesses.test("runHygiene() knows the configured program by its absolute path", linux, async () => {
  await using orphan = await portHolder();
  const [program, ...args] = orphan.argv;
  const folder = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync(program!, `${folder}/deno-by-link`);
    const plan = hygienePlan({ stt: { port: orphan.port, cmd: [`${folder}/deno-by-link`, ...args] } });
    assert.deepEqual((await run(plan).report).freed, [orphan.port]);
    assert.ok(!orphan.alive);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

withProcesses.test("runHygiene() does not take a running loader's service for an orphan", linux, async () => {
  const bootId = randomHex(12);
  await using loader = await claimHolder(`boot/${bootId}`);
  await using service = await portHolder({ env: { ALEXA_BOOT_ID: bootId } });
  const plan = hygienePlan({ stt: { port: service.port, cmd: service.argv } });
  for (const killOrphans of ["own", "any"] as const) {
    const error = await refusal({ ...plan, hygiene: { ...plan.hygiene, killOrphans } });
    assert.ok(
      error.message.includes(`a service of the running alexa-loader pid ${loader.pid}`),
      error.message,
    );
    assert.ok(service.alive);
  }
  await loader[Symbol.asyncDispose]();
  assert.deepEqual((await run(plan).report).freed, [service.port]);
});

withProcesses.test(
  "runHygiene() with kill_orphans: any stops the listener and not its children",
  linux,
  async () => {
    const dir = Deno.makeTempDirSync();
    const code = `const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const child = new Deno.Command("sleep", { args: ["300"] }).spawn();
    Deno.writeTextFileSync("${dir}/new", listener.addr.port + " " + child.pid);
    Deno.renameSync("${dir}/new", "${dir}/up");`;
    await using stranger = start([Deno.execPath(), "eval", "--quiet", code]);
    const [port, child] = (await until(() => read(`${dir}/up`))).split(" ").map(Number);
    try {
      const { report, log } = run(hygienePlan({ stt: { port: port! } }, { killOrphans: "any" }));
      assert.deepEqual((await report).freed, [port]);
      assert.ok(!stranger.alive);
      assert.ok(!isGone(readStat(child!)));
      assert.match(log.lines[0]!, /port_hygiene\.kill_orphans is any/);
    } finally {
      Deno.kill(child!, "SIGKILL");
      Deno.removeSync(dir, { recursive: true });
    }
  },
);

withProcesses.test(
  "runHygiene() stops nobody for a port when another port cannot be had anyway",
  linux,
  async () => {
    await using orphan = await portHolder();
    await using stranger = await portHolder();
    const plan = hygienePlan({
      stt: { port: orphan.port, cmd: orphan.argv },
      llm: { port: stranger.port },
    });
    const error = await refusal(plan);
    assert.ok(
      error.message.includes(`port ${stranger.port} (llm)`) && !error.message.includes("stt"),
      error.message,
    );
    assert.ok(orphan.alive && stranger.alive);
  },
);

Deno.test("runHygiene() never stops itself, whatever is allowed", linux, async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  const error = await refusal(hygienePlan({ stt: { port } }, { killOrphans: "any" }));
  assert.ok(error.message.includes(`pid ${Deno.pid}`));
});

withProcesses.test({
  name: "runHygiene() never stops another user's process, not even as root",
  ignore: userId() !== 0 || !hasPython(),
  async fn() {
    const dir = Deno.makeTempDirSync();
    Deno.chmodSync(dir, 0o777);
    const code = 'import os,socket,time; s=socket.socket(); s.bind(("127.0.0.1",0)); s.listen()\n' +
      `open("${dir}/new","w").write(str(s.getsockname()[1])); os.rename("${dir}/new","${dir}/up"); time.sleep(300)`;
    await using theirs = start(["/usr/bin/python3", "-c", code], { uid: 65534 });
    const port = Number(await until(() => read(`${dir}/up`)));
    const error = await refusal(hygienePlan({ stt: { port, cmd: theirs.argv } }, { killOrphans: "any" }));
    assert.match(error.message, /of user nobody/);
    assert.ok(theirs.alive);
    Deno.removeSync(dir, { recursive: true });
  },
});

Deno.test("describeBusy() says that a listener may not be looked into", linux, () => {
  const service = hygienePlan({ stt: { port: 5002 } }).services[0]!;
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  assert.match(
    describeBusy({ port, services: [service], pids: [], foreign: true }),
    /^\d+ \(stt\) is held by a process of user \w+ that this user may not look into$/,
  );
  assert.match(describeBusy({ port, services: [service], pids: [], foreign: false }), /cannot be bound/);
});

Deno.test("runHygiene() waits for a port that is just being freed", linux, async () => {
  const listener = Deno.listen({ port: lowPort(), hostname: "127.0.0.1" }); // nobody else gets it once it is free
  let looks = 0;
  const clock = {
    ...systemClock,
    now: () => looks, // however slow this machine is now
    sleep(ms: number, signal?: AbortSignal) {
      if (++looks === 3) listener.close();
      return systemClock.sleep(ms, signal);
    },
  };
  const { port } = listener.addr as Deno.NetAddr;
  assert.deepEqual((await run(hygienePlan({ stt: { port } }), { clock }).report).freed, []);
  assert.equal(looks, 3);
});

withProcesses.test(
  "runHygiene() with hygiene disabled leaves a leftover alone and says so",
  linux,
  async () => {
    const path = `${Deno.makeTempDirSync()}/x.pid`;
    Deno.writeTextFileSync(path, "4194303\n");
    await using service = await portHolder();
    const plan = hygienePlan({ stt: { port: service.port } }, { enabled: false, pidFiles: [path] });
    const { log, report } = run(plan, { previous: previousState(randomHex(12), { stt: service }) });
    await assert.rejects(report, /is held by/);
    assert.match(
      log.lines[0]!,
      /^LOADER WARNING = Leaving leftover stt of boot \w+ alone \(port_hygiene\.enabled is false\)/,
    );
    assert.ok(service.alive && Deno.statSync(path).isFile);
    Deno.removeSync(path.slice(0, -6), { recursive: true });
  },
);

withProcesses.test(
  "runHygiene() leaves an adopted service its port, and an external one too",
  linux,
  async () => {
    await using adopted = await portHolder();
    await using external = await portHolder();
    const plan = hygienePlan({ llm: { port: adopted.port }, stt: { port: external.port, external: true } });
    const previous = previousState(randomHex(12), { llm: adopted });
    assert.deepEqual(await run(plan, { previous, spare: new Set([adopted.pid]) }).report, {
      leftovers: [],
      removed: [],
      freed: [],
    });
    assert.ok(adopted.alive && external.alive);
  },
);

withProcesses.test("runHygiene() ends its waiting when it is told to", linux, async () => {
  await using stranger = await portHolder();
  const reason = new Error("no more");
  const { report } = run(hygienePlan({ stt: { port: stranger.port } }), {
    signal: AbortSignal.abort(reason),
  });
  await assert.rejects(report, reason);
  assert.ok(stranger.alive);
});

withProcesses.test("runHygiene() removes dead sockets and keeps everything else", linux, async () => {
  const dir = Deno.makeTempDirSync();
  try {
    // A listener that is killed leaves its socket behind.
    await using dying = start([
      Deno.execPath(),
      "eval",
      `Deno.listen({ transport: "unix", path: "${dir}/dead" }); setTimeout(() => {}, 60000)`,
    ]);
    await until(() => kind(`${dir}/dead`));
    await dying[Symbol.asyncDispose]();
    using _live = Deno.listen({ transport: "unix", path: `${dir}/live` });
    const datagrams = Deno.listenDatagram({ transport: "unixpacket", path: `${dir}/datagrams` });
    Deno.writeTextFileSync(`${dir}/file`, "precious");
    Deno.symlinkSync(`${dir}/dead`, `${dir}/link`);
    const names = ["dead", "live", "datagrams", "file", "link", "missing"];
    const plan = hygienePlan({ stt: { port: freePort() } }, {
      unixSockets: names.map((name) => `${dir}/${name}`),
    });
    const { log, report } = run(plan);
    assert.deepEqual((await report).removed, [`${dir}/dead`]);
    datagrams.close();
    assert.deepEqual([...Deno.readDirSync(dir)].map((e) => e.name).sort(), [
      "datagrams",
      "file",
      "link",
      "live",
    ]);
    assert.deepEqual(log.lines, [
      `LOADER INFO = Removed stale socket ${dir}/dead: nobody listens on it`,
      `LOADER WARNING = Keeping ${dir}/live: somebody listens on it`,
      `LOADER WARNING = Keeping ${dir}/datagrams: somebody listens on it`,
      `LOADER WARNING = Keeping ${dir}/file: it is no socket but a file`,
      `LOADER WARNING = Keeping ${dir}/link: it is no socket but a link`,
    ]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

withProcesses.test("runHygiene() removes stale PID files only", linux, async () => {
  const dir = Deno.makeTempDirSync();
  try {
    await using live = bystander();
    await using service = start(["sleep", "305"]);
    await using dead = bystander();
    await dead[Symbol.asyncDispose]();
    const files: Record<string, string> = {
      dead: `${dead.pid}\n`,
      live: `${live.pid}`,
      reused: ` ${live.pid} \n`,
      service: `${service.pid}`,
      garbage: "do not delete me\n",
      empty: "",
      negative: "-1",
      huge: "1".repeat(100),
    };
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${dir}/${name}`, text);
    Deno.symlinkSync(`${dir}/dead`, `${dir}/link`);
    for (const name of ["reused", "service"]) Deno.utimeSync(`${dir}/${name}`, 1_000_000_000, 1_000_000_000);
    const names = [...Object.keys(files), "link", "missing"];
    const plan = hygienePlan({ stt: { port: freePort(), cmd: ["sleep", "305"] } }, {
      pidFiles: names.map((name) => `${dir}/${name}`),
    });
    const { log, report } = run(plan);
    assert.deepEqual((await report).removed, [`${dir}/dead`, `${dir}/reused`]);
    assert.equal(
      log.lines[0],
      `LOADER INFO = Removed stale PID file ${dir}/dead: process ${dead.pid} is gone`,
    );
    assert.equal(
      log.lines[1],
      `LOADER WARNING = Keeping ${dir}/live: pid ${live.pid} (${live.commandLine}) is alive`,
    );
    assert.match(
      log.lines[2]!,
      /Removed stale PID file .*reused: pid \d+ \(\S*sleep 300\) was started after the file/,
    );
    assert.equal(
      log.lines[3],
      `LOADER WARNING = Keeping ${dir}/service: pid ${service.pid} (${service.commandLine}) is alive`,
    );
    assert.equal(log.lines.length, 9);
    assert.ok(live.alive && service.alive);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

withProcesses.test("runHygiene() kills a leftover that does not hear, after the grace", linux, async () => {
  const boot = randomHex(12), dir = Deno.makeTempDirSync();
  await using deaf = start(["sh", "-c", `trap '' TERM; echo up > ${dir}/up; while :; do sleep 1; done`], {
    env: { ALEXA_BOOT_ID: boot, ALEXA_SERVICE: "stt" },
  });
  await until(() => read(`${dir}/up`));
  const { report, log } = run(hygienePlan({ stt: { port: freePort() } }), {
    previous: previousState(boot, {}),
    graceMs: 200,
  });
  assert.deepEqual((await report).leftovers, ["stt"]);
  assert.ok(!deaf.alive);
  assert.match(log.lines.at(-1)!, /WARNING = Leftover stt of boot \w+ was killed after 0\.[2-9]\ds$/);
  Deno.removeSync(dir, { recursive: true });
});

function kind(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSocket === true;
  } catch {
    return false;
  }
}

/** True where the loopback address of IPv6 can be bound. */
function hasIpv6(): boolean {
  try {
    Deno.listen({ port: 0, hostname: "::1" }).close();
    return true;
  } catch {
    return false;
  }
}

function hasPython(): boolean {
  try {
    return Deno.statSync("/usr/bin/python3").isFile;
  } catch {
    return false;
  }
}
