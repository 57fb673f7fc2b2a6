import assert from "node:assert/strict";
import { LoaderError } from "../../../lib/errors.ts";
import { loadPlan } from "../../../lib/loader/load_plan.ts";
import { LoaderService } from "../../../lib/loader/loader.ts";
import { observers } from "../../../lib/loader/observers.ts";
import { Log } from "../../../lib/log/mod.ts";
import type { Fact } from "../../../lib/model/events.ts";
import type { BootPlan } from "../../../lib/model/plan.ts";
import { Prewarmer } from "../../../lib/prewarm/mod.ts";
import { kindOf } from "../../../lib/sys/files/files.ts";
import { freePort, isPortFree } from "../../../lib/sys/net/ports.ts";
import { allStats, environmentOf, isGone, readStat } from "../../../lib/sys/process/procfs.ts";
import { portHolder, read, until } from "../../support/strangers.ts";
import { withProcesses } from "../../support/with_processes.ts";

const fixtures = new URL("../../fixtures/services", import.meta.url).pathname;
const ignore = Deno.build.os !== "linux";

interface House {
  dir: string;
  plan: BootPlan;
  lines: string[];
  log: Log;
  loader: LoaderService;
  ports: number[];
}

/** Knobs of the fixture services, and keys of `loader:` and of the services, as YAML. */
interface Wishes {
  kwd?: string[];
  tts?: string[];
  loader?: string[];
  kwdKeys?: string[];
  change?(plan: BootPlan): void;
}

async function house(wishes: Wishes, use: (house: House) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  const ports = [freePort(), freePort()];
  const service = (name: string, i: number, path: string, knobs: string[] = [], keys: string[] = []) => [
    `  ${name}:`,
    `    cmd: ${JSON.stringify(["python3", `${fixtures}/${name}.py`, ...knobs])}`,
    `    readiness: { type: http, url: "http://127.0.0.1:${ports[i]}/${path}" }`,
    `    env: { ALEXA_STAMPS: ${dir} }`,
    ...keys.map((key) => `    ${key}`),
  ];
  const yaml = [
    "loader:",
    "  startup_sequence: [kwd, tts]",
    "  shutdown_sequence: [kwd, tts]",
    `  state_dir: ${dir}/state`,
    "  readiness_poll_ms: 50",
    "  restart_policy: { max_restarts: 1, backoff: { initial_sec: 0 } }",
    "  graceful_shutdown: { per_service_grace_sec: 1, kill_after_sec: 4 }",
    ...(wishes.loader ?? []).map((line) => `  ${line}`),
    "services:",
    ...service("kwd", 0, "ready", wishes.kwd, wishes.kwdKeys),
    ...service("tts", 1, "healthz", ["speak_ms=250", ...wishes.tts ?? []]),
  ];
  try {
    Deno.writeTextFileSync(`${dir}/loader.yaml`, yaml.join("\n") + "\n");
    const { plan } = await loadPlan({ config: `${dir}/loader.yaml` });
    plan.dirs.runtime = `${dir}/run`;
    wishes.change?.(plan);
    const lines: string[] = [];
    await using log = new Log({ dir: null, console: null });
    log.observe(({ tag, level, message }) => lines.push(`${tag} ${level} ${message}`));
    const loader = new LoaderService(plan, { log });
    try {
      await use({ dir, plan, lines, log, loader, ports });
    } finally {
      await loader.stopAll("test over");
    }
    nothingLeft({ dir, plan, lines, log, loader, ports });
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** No process that carries the boot's mark, no port, no socket. */
function nothingLeft({ dir, loader, ports, lines }: House): void {
  const marked = [...allStats().values()].filter((stat) =>
    !isGone(stat) && environmentOf(stat.pid, "ALEXA_BOOT_ID") === loader.bootId
  );
  assert.deepEqual(marked.map(({ pid, comm }) => `${pid} ${comm}`), [], lines.join("\n"));
  for (const port of ports) assert.ok(isPortFree(port), `port ${port} is still held`);
  for (const name of kindOf(`${dir}/run`) ? Deno.readDirSync(`${dir}/run`) : []) {
    assert.fail(`${name.name} is left in the runtime folder`);
  }
  assert.equal(loader.state, "STOPPED");
}

const test = (name: string, wishes: Wishes, use: (house: House) => Promise<void>) =>
  withProcesses.test({ name, ignore, fn: () => house(wishes, use) });
const isError = (code: string, exitCode: number) => (error: unknown) => {
  assert.ok(error instanceof LoaderError, String(error));
  assert.equal(error.code, code);
  assert.equal(error.exitCode, exitCode);
  return true;
};

test(
  "LoaderService boots, greets once, tells, restarts and stops, twice if asked",
  {},
  async ({ loader, lines }) => {
    assert.equal(loader.state, "INIT");
    assert.equal(await loader.startAll(), true);
    assert.equal(loader.state, "SYSTEM_READY");
    await until(() => loader.status().listening);
    const status = loader.status();
    assert.deepEqual(status.capabilities, { "wake word": true, speech: true });
    assert.equal(status.degraded, null);
    assert.equal(status.greeting, "spoken");
    assert.deepEqual(
      status.services.map(({ name, state, desired, restarts }) => [name, state, desired, restarts]),
      [
        ["kwd", "up", "up", 0],
        ["tts", "up", "up", 0],
      ],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(status)), status, "plain data");
    assert.ok(Array.isArray((await loader.vramSnapshot()).gpus));

    const before = loader.service("tts").pid()!;
    assert.equal(await loader.restartService("tts"), true);
    const after = loader.service("tts").pid()!;
    assert.notEqual(after, before);
    assert.ok(isGone(readStat(before)));
    assert.equal(loader.state, "SYSTEM_READY");
    assert.equal(
      lines.filter((line) => line.includes("Speaking greeting")).length,
      1,
      "never a second greeting",
    );
    assert.equal(await loader.service("tts").isReady(), true);
    assert.equal(await loader.service("tts").isHealthy(), true);

    const both = [loader.stopAll(), loader.stopAll("again")];
    await Promise.all(both);
    assert.equal(await loader.ended, 0);
    assert.ok(isGone(readStat(after)));
    assert.equal(lines.at(-1), "LOADER INFO Shutdown complete");
    assert.equal(lines.filter((line) => line.startsWith("LOADER INFO Stopping (")).length, 1);
    await assert.rejects(() => loader.startAll(), isError("usage", 2));
    await assert.rejects(() => loader.restartService("tts"), isError("usage", 2));
  },
);

test(
  "LoaderService.restartService() ten times at once gives one copy, and KWD listens again",
  {},
  async (house) => {
    const { loader, lines } = house;
    assert.equal(await loader.startAll(), true);
    await until(() => loader.status().listening);
    const results = await Promise.all(Array.from({ length: 10 }, () => loader.restartService("kwd")));
    assert.deepEqual(results, Array(10).fill(true));
    await until(() => loader.status().listening);
    const copies = [...allStats().values()].filter((stat) =>
      !isGone(stat) && environmentOf(stat.pid, "ALEXA_SERVICE") === "kwd" &&
      environmentOf(stat.pid, "ALEXA_BOOT_ID") === loader.bootId
    );
    assert.equal(copies.length, 1);
    assert.equal(lines.filter((line) => line.startsWith("KWD INFO Starting")).length, 2, lines.join("\n"));
    assert.equal(lines.filter((line) => line.includes("Speaking greeting")).length, 1);
  },
);

test(
  "LoaderService refuses names it does not know, and questions before its start",
  {},
  async ({ loader, dir }) => {
    await assert.rejects(() => loader.restartService("sst"), isError("unknown_service", 2));
    assert.throws(() => loader.service("sst"), isError("unknown_service", 2));
    await assert.rejects(() => loader.vramSnapshot(), isError("usage", 2));
    assert.equal(loader.status().state, "INIT");
    await loader.stopAll();
    assert.equal(kindOf(`${dir}/state`), null, "a loader that was never started leaves nothing on disk");
  },
);

test(
  "LoaderService.startAll() ends with exit 3 and undoes everything when a port is a stranger's",
  {},
  async (house) => {
    await using stranger = await portHolder({ port: house.ports[1]! });
    await assert.rejects(() => house.loader.startAll(), isError("port_busy", 3));
    assert.equal(await house.loader.ended, 3);
    assert.ok(stranger.alive);
    assert.ok(!house.lines.some((line) => line.includes("Starting (pid")));
  },
);

test("LoaderService.startAll() ends with exit 3 when a command is not there", {
  change: (plan) => plan.services[1]!.argv = ["/no/such/tts"],
}, async ({ loader }) => {
  await assert.rejects(() => loader.startAll(), (error) => {
    isError("command_missing", 3)(error);
    return /tts/.test(String(error)) && /\/no\/such\/tts/.test(String(error));
  });
});

test(
  "LoaderService.startAll() ends with exit 3 beside another loader of the same state folder",
  {},
  async (house) => {
    assert.equal(await house.loader.startAll(), true);
    const second = new LoaderService(house.plan, { log: new Log({ dir: null, console: null }) });
    await assert.rejects(() => second.startAll(), isError("already_running", 3));
    assert.equal(house.loader.state, "SYSTEM_READY", "the first is not disturbed");
    assert.ok(house.loader.service("kwd").pid());
  },
);

/** Living processes of a service of this boot. */
const copiesOf = (loader: LoaderService, service: string) =>
  [...allStats().values()].filter((stat) =>
    !isGone(stat) && environmentOf(stat.pid, "ALEXA_SERVICE") === service &&
    environmentOf(stat.pid, "ALEXA_BOOT_ID") === loader.bootId
  );

test("R5: a copy whose output cannot be kept track of is not started, so none is left over", {
  loader: ["on_loader_death: keep"],
}, async ({ loader, dir, lines }) => {
  assert.equal(await loader.startAll(), true);
  const record = `${dir}/state/tts.offset`;
  Deno.removeSync(record);
  Deno.mkdirSync(`${record}/in the way`, { recursive: true });
  Deno.kill(loader.service("tts").pid()!, "SIGKILL");
  await until(() => loader.state === "DEGRADED");
  assert.deepEqual(copiesOf(loader, "tts"), []);
  assert.match(lines.join("\n"), /TTS ERROR cannot start tts: .*directory/i);
  assert.equal(loader.status().services[0]!.state, "up", "the others go on");
});

test("R17: a state folder that was removed while running is made anew, which is told once", {
  loader: ["on_loader_death: keep"],
}, async ({ loader, dir, lines }) => {
  assert.equal(await loader.startAll(), true);
  const killed = loader.service("tts").pid()!;
  Deno.removeSync(`${dir}/state`, { recursive: true });
  Deno.kill(killed, "SIGKILL");
  await until(() => loader.service("tts").pid() !== killed && loader.status().services[1]!.state === "up");
  const recorded = await until(() =>
    recordedPids(dir)?.tts === loader.service("tts").pid() && recordedPids(dir)
  );
  assert.equal(recorded.kwd, loader.service("kwd").pid());
  const told = lines.filter((line) =>
    line.includes(`The folder ${dir}/state was removed while the loader runs`)
  );
  assert.equal(told.length, 1, lines.join("\n"));
  assert.ok(!lines.some((line) => line.includes(" ERROR ")), lines.join("\n"));
});

test("F08: a process that has ended is not on record any more", {
  change: (plan) => plan.services[1]!.restart.type = "never",
}, async ({ loader, dir }) => {
  assert.equal(await loader.startAll(), true);
  await until(() => recordedPids(dir)?.tts === loader.service("tts").pid());
  Deno.kill(loader.service("tts").pid()!, "SIGKILL");
  await until(() => loader.state === "DEGRADED");
  await until(() => recordedPids(dir)?.tts === undefined);
  assert.equal(recordedPids(dir)!.kwd, loader.service("kwd").pid());
});

test("W01: the prewarm of a service ends when it is ready, and when it is given up", {
  change: (plan) => plan.services[1]!.restart.type = "never",
}, async ({ loader }) => {
  const ended: string[] = [];
  const usual = Prewarmer.prototype.stop;
  Prewarmer.prototype.stop = function (service, why) {
    ended.push(`${service}: ${why}`);
    usual.call(this, service, why);
  };
  try {
    assert.equal(await loader.startAll(), true);
    assert.deepEqual([...new Set(ended.splice(0))], [
      "kwd: the service is ready",
      "tts: the service is ready",
    ]);
    Deno.kill(loader.service("tts").pid()!, "SIGKILL");
    await until(() => loader.state === "DEGRADED");
    assert.deepEqual(ended, ["tts: the service was given up"]);
  } finally {
    Prewarmer.prototype.stop = usual;
  }
});

const heard: Fact[] = [];
const noInk = () => {
  throw new Error("no ink");
};

test(
  "An observer is a line of the registry: it hears the whole boot, and one that fails costs nobody anything",
  {
    change: () => void observers.push(() => noInk, () => (fact) => heard.push(fact)),
  },
  async ({ loader, lines }) => {
    observers.splice(-2);
    assert.equal(await loader.startAll(), true);
    await until(() => heard.some(({ fact }) => fact === "greeted"));
    await loader.stopAll();
    const states = heard.flatMap((fact) => fact.fact === "loader_state" ? [fact.to] : []);
    assert.deepEqual(states, ["PRECHECK", "STARTING", "SYSTEM_READY", "STOPPING", "STOPPED"]);
    const ofTts = heard.flatMap((fact) => "service" in fact && fact.service === "tts" ? [fact.fact] : []);
    const mine = ["started", "ready", "warmup", "stopped"];
    assert.deepEqual(ofTts.filter((fact) => mine.includes(fact)), mine);
    assert.deepEqual(lines.filter((line) => line.includes("ERROR")), [
      "LOADER ERROR An observer of the boot failed and is told nothing more: no ink",
    ]);
  },
);

/** Which processes the state file names; null while there is none. */
function recordedPids(dir: string): Record<string, number> | null {
  const text = read(`${dir}/state/state.json`);
  if (text === null) return null;
  const { services } = JSON.parse(text) as { services: Record<string, { pid: number }> };
  return Object.fromEntries(Object.entries(services).map(([name, { pid }]) => [name, pid]));
}

test("LoaderService.startAll() ends with exit 4 when nothing comes up", {
  kwd: ["crash_before_ready=1"],
  tts: ["crash_before_ready=1"],
}, async ({ loader }) => {
  await assert.rejects(() => loader.startAll(), isError("boot_failed", 4));
  assert.equal(await loader.ended, 4);
});

test("LoaderService.startAll() ends DEGRADED with a service less, does not greet, and listens", {
  tts: ["crash_before_ready=1"],
}, async ({ loader, lines }) => {
  assert.equal(await loader.startAll(), false);
  assert.equal(loader.state, "DEGRADED");
  await until(() => loader.status().listening);
  const { capabilities, degraded, greeting } = loader.status();
  assert.deepEqual(capabilities, { "wake word": true, speech: false });
  assert.equal(degraded, "tts failed (1 restart in 600 s); wake word yes, speech no");
  assert.equal(greeting, "none");
  assert.ok(lines.includes(`LOADER WARNING DEGRADED: ${degraded}`));
  assert.ok(!lines.some((line) => line.includes("Speaking greeting")));
});

test("LoaderService.killAll() gives nobody grace and ends with exit 130", {
  kwd: ["ignore_term=1"],
  change: (plan) => {
    plan.services[0]!.graceMs = 60_000;
    plan.shutdown.budgetMs = 60_000;
  },
}, async ({ loader }) => {
  assert.equal(await loader.startAll(), true);
  const began = performance.now();
  const polite = loader.stopAll("SIGINT");
  loader.killAll();
  await polite;
  assert.equal(await loader.ended, 130);
  assert.ok(performance.now() - began < 5000);
});

test("LoaderService tells a KWD to listen that was replaced while the one before refused to", {
  kwd: ["refuse_resume_n=4"], // each copy anew
  loader: ["post_boot_greeting: { enabled: false }"],
  change: (plan) => plan.services[0]!.restart.maxRestarts = 5,
}, async ({ loader, dir }) => {
  assert.equal(await loader.startAll(), true);
  await until(() => loader.status().listening);
  assert.equal(await loader.restartService("kwd"), true);
  const second = loader.service("kwd").pid()!;
  const refusals = () =>
    read(`${dir}/kwd.jsonl`)!.split("\n").filter((line) =>
      line.includes("resume_refused") && JSON.parse(line).pid === second
    );
  await until(() => refusals().length === 4); // the next try comes 800 ms later
  Deno.kill(second, "SIGKILL");
  await until(() => loader.service("kwd").pid() !== second && loader.status().services[0]!.state === "up");
  await until(() => loader.status().listening);
});

test("V02: what a service's own env says of the boot's variables counts for nothing", {
  change: ({ services }) =>
    Object.assign(services[0]!.env, {
      ALEXA_BOOT_ID: "mine",
      ALEXA_SERVICE: "other",
      NOTIFY_SOCKET: "/nowhere",
    }),
}, async ({ loader, dir }) => {
  assert.equal(await loader.startAll(), true);
  const pid = loader.service("kwd").pid()!;
  const names = ["ALEXA_BOOT_ID", "ALEXA_SERVICE", "NOTIFY_SOCKET"];
  assert.deepEqual(names.map((name) => environmentOf(pid, name)), [
    loader.bootId,
    "kwd",
    `${dir}/run/kwd.notify`,
  ]);
});

test("LoaderService tells once of a KWD that cannot be controlled", {
  kwdKeys: ["control: { kind: none }"],
}, async ({ loader, lines }) => {
  assert.equal(await loader.startAll(), true);
  const unknown = "Whether it listens is not known";
  await until(() => lines.some((line) => line.includes(unknown)));
  await until(() => loader.status().greeting !== "speaking");
  assert.equal(lines.filter((line) => line.includes(unknown)).length, 1, lines.join("\n"));
  assert.equal(loader.status().listening, null, "P15: nobody can know");
  assert.equal(lines.filter((line) => /WARNING .*kwd has no way to be paused/.test(line)).length, 1);
});

// From before the first await of the precheck to the greeting; the boot of two Python services takes about 400 ms.
for (const ms of [-1, 0, 1, 3, 10, 30, 80, 150, 250, 400, 600]) {
  test(`LoaderService.stopAll() ${ms < 0 ? "at once" : `${ms} ms`} after the start leaves nothing`, {
    kwd: ["load_ms=80"],
    tts: ["load_ms=80", "speak_ms=3000"],
  }, async ({ loader, lines }) => {
    const started = loader.startAll();
    if (ms >= 0) await new Promise((resolve) => setTimeout(resolve, ms));
    const reached = loader.state;
    await loader.stopAll("in mid-boot");
    assert.equal(await started, reached === "SYSTEM_READY", `${reached}\n${lines.join("\n")}`);
    assert.equal(await loader.ended, 0);
    // In the first moments there is nothing yet whose stop could be told.
    if (reached !== "PRECHECK") assert.equal(lines.at(-1), "LOADER INFO Shutdown complete");
    assert.ok(!lines.some((line) => line.includes(" ERROR ")), lines.join("\n"));
  });
}
