import assert from "node:assert/strict";
import { parseState, type ServiceRecord, StateFile } from "../../../lib/clean_start/state_file.ts";
import { machineBootId, readStat } from "../../../lib/sys/process/procfs.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { withProcesses } from "../../support/with_processes.ts";

/** Changes are gathered for this long, ms. */
const gatherMs = 50;

const record = (pid: number, changes: Partial<ServiceRecord> = {}): ServiceRecord => ({
  pid,
  startTime: 100 + pid,
  pgid: pid,
  boot: "7f3a",
  spawnedAt: "2026-01-01T00:00:00.000Z",
  port: null,
  digest: null,
  ready: false,
  seen: [],
  ...changes,
});

/** Runs in a folder of its own; `problems` are what the file told of itself. */
async function inFolder(
  fn: (dir: string, open: () => StateFile, problems: string[], clock: FakeClock) => void | Promise<void>,
): Promise<void> {
  const dir = Deno.makeTempDirSync();
  const clock = new FakeClock();
  const problems: string[] = [];
  try {
    await fn(
      `${dir}/state`,
      () => StateFile.open(`${dir}/state`, (message) => problems.push(message), clock),
      problems,
      clock,
    );
    assert.equal(clock.pending, 0, "a change was not waited for");
  } finally {
    Deno.chmodSync(`${dir}/state`, 0o700);
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("StateFile gives the next loader what the one before has recorded", () =>
  inFolder(async (dir, open, problems, clock) => {
    const first = open();
    assert.equal(first.previous, null);
    assert.equal(first.warning, null);
    first.begin({ boot: "7f3a", onLoaderDeath: "keep" });
    first.record("stt", record(4711, { port: 5002, digest: "d1", ready: true }));
    first.record("tts", record(4712));
    first.record("llm", record(4713));
    first.remove("llm", record(4713));
    first.note("tts", record(4712), { seen: ["4720:7"] });
    first.noteStrays(["4721:8", "4722:9"]);
    await clock.advance(gatherMs);
    const { previous, warning } = open();
    assert.equal(warning, null);
    assert.deepEqual(previous, {
      boot: "7f3a",
      machineBoot: machineBootId(),
      loader: { pid: Deno.pid, startTime: readStat(Deno.pid)!.startTime },
      onLoaderDeath: "keep",
      services: new Map([
        ["stt", record(4711, { port: 5002, digest: "d1", ready: true })],
        ["tts", record(4712, { seen: ["4720:7"] })],
      ]),
      strays: ["4721:8", "4722:9"],
      commands: [],
    });
    assert.equal(Deno.statSync(`${dir}/state.json`).mode! & 0o777, 0o600);
    assert.equal(Deno.statSync(dir).mode! & 0o777, 0o700);
    assert.deepEqual(problems, []);
  }));

Deno.test("R3: StateFile records a command that goes on, and writes nothing for one that is soon over", () =>
  inFolder(async (dir, open, _problems, clock) => {
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "stop" });
    const begun = Deno.statSync(`${dir}/state.json`).ino;
    for (let pid = 100; pid < 200; pid++) {
      file.noteCommand({ pid, startTime: 1 });
      file.forgetCommand({ pid, startTime: 1 });
      await clock.advance(20);
    }
    assert.equal(Deno.statSync(`${dir}/state.json`).ino, begun);
    file.noteCommand({ pid: 300, startTime: 7 });
    file.forgetCommand({ pid: 300, startTime: 6 }); // somebody who had this number before
    await clock.advance(500);
    assert.deepEqual(open().previous!.commands, ["300:7"]);
    file.forgetCommand({ pid: 300, startTime: 7 });
    file.record("stt", record(4711));
    await clock.advance(gatherMs);
    assert.deepEqual(open().previous!.commands, []);
  }));

Deno.test("StateFile keeps the old record until the new boot begins, and then only what was adopted", () =>
  inFolder(async (_dir, open, _problems, clock) => {
    const first = open();
    first.begin({ boot: "one", onLoaderDeath: "keep" });
    first.record("stt", record(4711, { boot: "one" }));
    first.record("llm", record(4712, { boot: "one" }));
    await clock.advance(gatherMs);
    const second = open();
    assert.equal(open().previous!.boot, "one", "opening changes nothing");
    assert.throws(() => second.record("kwd", record(4713)), /no boot yet/);
    const adopted = new Map([["llm", second.previous!.services.get("llm")!]]);
    second.begin({ boot: "two", onLoaderDeath: "keep", adopted });
    const { previous } = open();
    assert.equal(previous!.boot, "two");
    assert.deepEqual([...previous!.services], [["llm", record(4712, { boot: "one" })]]);
  }));

Deno.test("StateFile.remove() does not take the record of a newer copy", () =>
  inFolder(async (_dir, open, _problems, clock) => {
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "stop" });
    file.record("stt", record(4711));
    file.record("stt", record(4712));
    file.remove("stt", record(4711));
    file.remove("stt", { pid: 4712, startTime: 1 });
    await clock.advance(gatherMs);
    assert.equal(open().previous!.services.get("stt")!.pid, 4712);
  }));

Deno.test("StateFile.note() adds to the record of the copy that is meant, and to no other", () =>
  inFolder(async (_dir, open, _problems, clock) => {
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "keep" });
    file.record("stt", record(4711));
    file.note("stt", record(4711), { ready: true });
    file.note("stt", { pid: 4711, startTime: 1 }, { port: 1 });
    file.note("tts", record(4712), { ready: true });
    await clock.advance(gatherMs);
    assert.deepEqual([...open().previous!.services], [["stt", record(4711, { ready: true })]]);
  }));

Deno.test("StateFile gathers the changes of 50 ms and writes them once", () =>
  inFolder(async (dir, open, _problems, clock) => {
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "stop" });
    const inode = () => Deno.statSync(`${dir}/state.json`).ino; // each write is a new file
    const begun = inode();
    file.record("stt", record(4711));
    await clock.advance(gatherMs - 1);
    file.record("tts", record(4712));
    assert.equal(inode(), begun, "nothing is written yet");
    await clock.advance(1);
    assert.notEqual(inode(), begun);
    assert.deepEqual([...open().previous!.services.keys()], ["stt", "tts"]);
    const written = inode();
    await clock.advance(10 * gatherMs);
    assert.equal(inode(), written, "once");
  }));

Deno.test("F08: StateFile forgets a process that has ended, also one that ended before it was written", () =>
  inFolder(async (_dir, open, _problems, clock) => {
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "stop" });
    file.record("stt", record(4711));
    await clock.advance(gatherMs);
    file.record("tts", record(4712));
    file.remove("tts", record(4712));
    file.remove("stt", record(4711));
    await clock.advance(gatherMs);
    assert.deepEqual([...open().previous!.services], []);
  }));

Deno.test("StateFile.clear() leaves nothing, also for what is told late", () =>
  inFolder((dir, open) => {
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "stop" });
    file.record("stt", record(4711));
    file.clear();
    file.remove("stt", record(4711));
    assert.deepEqual([...Deno.readDirSync(dir)], []);
    assert.equal(open().previous, null);
  }));

Deno.test("StateFile tells once that it cannot write, and again after it could", () =>
  inFolder(async (dir, open, problems, clock) => {
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "stop" });
    const block = () => {
      Deno.removeSync(dir, { recursive: true });
      Deno.writeTextFileSync(dir, "");
    };
    block();
    file.record("stt", record(4711));
    await clock.advance(gatherMs);
    file.record("tts", record(4712));
    await clock.advance(gatherMs);
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, /state\.json cannot be written \(.+\): if the loader is killed now/);
    Deno.removeSync(dir);
    Deno.mkdirSync(dir);
    file.record("llm", record(4713));
    await clock.advance(gatherMs);
    assert.deepEqual([...open().previous!.services.keys()], ["stt", "tts", "llm"], "nothing was forgotten");
    block();
    file.record("kwd", record(4714));
    await clock.advance(gatherMs);
    assert.equal(problems.length, 2);
    Deno.removeSync(dir);
    Deno.mkdirSync(dir);
  }));

Deno.test({
  name: "StateFile.open() and begin() survive a folder that cannot be made",
  ignore: Deno.build.os !== "linux",
  fn() {
    const problems: string[] = [];
    const file = StateFile.open("/proc/nobody/here", (message) => problems.push(message), new FakeClock());
    file.begin({ boot: "a", onLoaderDeath: "stop" });
    assert.match(
      problems.join("\n"),
      /state folder \/proc\/nobody\/here cannot be made[^]*cannot be written/,
    );
    file.clear();
  },
});

withProcesses.test("StateFile.open() warns of a file that is of no use, and starts afresh", () =>
  inFolder((dir, open) => {
    const path = `${dir}/state.json`;
    const file = open();
    file.begin({ boot: "7f3a", onLoaderDeath: "stop" });
    const good = Deno.readTextFileSync(path);
    const expectWarning = (pattern: RegExp) => {
      const { previous, warning } = open();
      assert.equal(previous, null);
      assert.match(warning!, pattern);
    };
    const cases: [string, RegExp][] = [
      ["", /damaged \(not JSON\)/],
      [good.slice(0, -20), /damaged \(not JSON\)/],
      ["[".repeat(100_000), /damaged \(not JSON\)/],
      ["null", /damaged \(no object\)/],
      [good.replace('"format": 1', '"format": 2'), /unknown format \(2\): starting without a record/],
      [" ".repeat(2 << 20), /too large/],
    ];
    for (const [text, pattern] of cases) {
      Deno.writeTextFileSync(path, text);
      expectWarning(pattern);
    }
    Deno.writeTextFileSync(path, good);
    Deno.chmodSync(path, 0o666);
    expectWarning(/may be written by others/);
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    expectWarning(/not a regular file/);
    Deno.removeSync(path);
    new Deno.Command("mkfifo", { args: [path] }).outputSync(); // reading it would never end
    expectWarning(/not a regular file/);
  }));

Deno.test({
  name: "StateFile.open() does not believe another user's file",
  ignore: Deno.uid() !== 0,
  fn: () =>
    inFolder((dir, open) => {
      open().begin({ boot: "7f3a", onLoaderDeath: "stop" });
      Deno.chownSync(`${dir}/state.json`, 65534, 65534);
      assert.match(open().warning!, /belongs to another user/);
    }),
});

Deno.test("parseState() refuses every field that cannot be", () => {
  const stt = {
    pid: 4711,
    start_time: 5,
    pgid: 4711,
    boot: "7f3a",
    spawned_at: "now",
    port: 5002,
    digest: "d1",
    ready: false,
  };
  const good = {
    format: 1,
    boot: "7f3a",
    machine_boot: "b-1",
    loader: { pid: 1, start_time: 0 },
    on_loader_death: "stop",
    services: { stt },
  };
  const parse = (changes: object) => parseState(JSON.stringify({ ...good, ...changes }));
  const ok = parse({ future: true });
  assert.ok(typeof ok === "object");
  assert.equal(ok.services.get("stt")!.port, 5002);

  const wrong: object[] = [
    { strays: ["1:1"] },
    ...["", "a b", "x".repeat(65), 7, null].flatMap((id) => [{ boot: id }, { machine_boot: id }]),
    ...[null, 4711, {}, { pid: 0, start_time: 1 }, { pid: 4711 }, { pid: 1.5, start_time: 1 }].map((
      loader,
    ) => ({ loader })),
    { on_loader_death: "maybe" },
    ...[null, [], "x", { "__PROTO__": stt }, { "": stt }, { "a b": stt }, { stt: null }, { stt: [] }].map((
      services,
    ) => ({
      services,
    })),
    ...[
      ...[1, 0, -1, -4711, 1 << 23, 4711.5, "4711", null].flatMap((pid) => [{ pid }, { pgid: pid }]),
      ...[-1, 1e300, "5", null].map((start_time) => ({ start_time })),
      ...[0, 65536, "5002", {}].map((port) => ({ port })),
      ...["", "a b", 7].map((digest) => ({ digest })),
      ...[0, "yes", null].map((ready) => ({ ready })),
      ...[0, [7], ["7"], ["7:"], ["1:5"], ["x:1"], ["7:1:1"], ["-7:1"]].map((seen) => ({ seen })),
      { boot: "" },
      { spawned_at: 5 },
      { spawned_at: "x".repeat(41) },
    ].map((changes) => ({ services: { stt: { ...stt, ...changes } } })),
  ];
  for (const changes of wrong) assert.equal(typeof parse(changes), "string", JSON.stringify(changes));
  const text = JSON.stringify({ ...good, services: { PLACE: stt } }).replace("PLACE", "__proto__");
  assert.match(parseState(text) as string, /is damaged \(services\.__proto__\)/);
});
