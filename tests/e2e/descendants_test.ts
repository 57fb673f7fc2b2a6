/**
 * Descendants of a service that left its group and its environment (sudo, `env -i`, daemons that rewrite themselves) end
 * with it: at a stop, a crash, the loader's `kill -9`, and at the latest with the next `up`. Spec: §4, §6, §8; CONTRACT §7.
 */
import assert from "node:assert/strict";
import { isGone, readStat } from "../../lib/sys/process/procfs.ts";
import { guardiansOf } from "../support/leftovers.ts";
import { kill, LoaderProcess, TestHome, until } from "../support/loader_process.ts";
import { read } from "../support/strangers.ts";

const ignore = Deno.build.os !== "linux";
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore, fn });

/** How a helper gets away, and whether it can be told whose it is once its parent is gone. */
const ways: Record<string, string> = {
  /** Its parent lives: a child of the service. */
  child: "env -i setsid sh -c 'echo $$ > FILE; exec sleep 300' > /dev/null 2>&1 &",
  /** A daemon: its parent has ended, but it still prints where the service does. */
  loud: "env -i setsid -f sh -c 'echo $$ > FILE; exec sleep 300'",
  /** A daemon of which nothing tells whose it is. */
  silent: "env -i setsid -f sh -c 'echo $$ > FILE; exec sleep 300' > /dev/null 2>&1",
  /** An orphan in its service's group, until it is told to leave everything. */
  late:
    "sh -c 'sh -c \"echo \\$\\$ > FILE; until [ -e FILE.leave ]; do sleep 0.01; done; exec env -i setsid sleep 300\" > /dev/null 2>&1 &'",
  /** The usual one, of another service. */
  marked: "setsid -f sh -c 'echo $$ > FILE; exec sleep 300' > /dev/null 2>&1",
};

/** Two services that print "up" when their helpers run. */
class House {
  readonly home = new TestHome();
  readonly config: string;

  constructor(helpers = { one: ["child", "loud", "silent"], two: ["marked", "loud"] }) {
    const service = (name: string, ...helpers: string[]) => {
      const script = [
        ...helpers.map((helper) => ways[helper]!.replaceAll("FILE", this.#file(name, helper))),
        ...helpers.map((helper) => `until [ -s ${this.#file(name, helper)} ]; do sleep 0.01; done`),
        "echo up",
        "while :; do sleep 1; done",
      ].join("\n");
      return {
        cmd: ["/bin/sh", "-c", script.replaceAll("$", () => "$$")],
        readiness: { type: "log", pattern: "^up$" },
        health: { interval_sec: 0.1 },
        warmup: { kind: "none" },
      };
    };
    const loader = {
      name: "t",
      startup_sequence: ["one", "two"],
      shutdown_sequence: ["two", "one"],
      restart_policy: { max_restarts: 3, backoff: { initial_sec: 0 } },
      graceful_shutdown: { per_service_grace_sec: 1, kill_after_sec: 5 },
    };
    const services = {
      one: service("one", ...helpers.one),
      two: service("two", ...helpers.two),
    };
    this.config = this.home.write("loader.yaml", JSON.stringify({ loader, services }));
  }

  #file(service: string, helper: string): string {
    return `${this.home.dir}/${service}.${helper}`;
  }

  /** Resolves when the helper has a session of its own. */
  async leave(service: string, helper: string): Promise<void> {
    const order = `${this.#file(service, helper)}.leave`;
    Deno.writeTextFileSync(order, "");
    const pid = this.pids(service)[helper]!;
    await until("its session", () => {
      const stat = readStat(pid);
      return stat?.session === pid && stat.comm === "sleep";
    });
    Deno.removeSync(order); // the next copy's is to stay
  }

  up(): LoaderProcess {
    return new LoaderProcess(this.home, ["up", "--config", this.config]);
  }

  pids(service: string): Record<string, number> {
    const found = Object.keys(ways).map((helper) => [helper, Number(read(this.#file(service, helper)))]);
    return Object.fromEntries(found.filter(([, pid]) => pid));
  }

  /** From now on the files are those of the next copy. */
  forget(service: string): void {
    for (const helper of Object.keys(this.pids(service))) Deno.removeSync(this.#file(service, helper));
  }

  /** The state file knows them, and so the guardian was told. */
  async recorded(...pids: number[]): Promise<void> {
    const path = `${this.home.state}/alexa-loader/t/state.json`;
    await until(
      "the record",
      () => pids.every((pid) => read(path)?.includes(`"${pid}:`)),
      () => read(path) ?? "",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of ["one", "two"]) for (const pid of lives(this.pids(service))) kill(pid, "SIGKILL");
    await this.home[Symbol.asyncDispose]();
  }
}

const lives = (pids: Record<string, number>) => Object.values(pids).filter((pid) => !isGone(readStat(pid)));
const names = (pids: Record<string, number>) =>
  Object.keys(pids).filter((name) => !isGone(readStat(pids[name]!)));

test("R6: a stop ends who left the group and the environment", async () => {
  await using house = new House();
  await using loader = house.up();
  await loader.waitLine(/entering SYSTEM_READY/);
  const one = house.pids("one"), two = house.pids("two");
  assert.deepEqual([names(one), names(two)], [["child", "loud", "silent"], ["loud", "marked"]]);
  assert.equal(await loader.interrupt(), 0, loader.log);
  assert.deepEqual([names(one), names(two)], [[], []], loader.log);
  assert.deepEqual(loader.messages("LOADER", "WARNING").filter((m) => m.includes("left behind")), [
    `Stopping what services left behind: pid ${one.silent} (sleep 300)`,
  ]);
});

test("R6, T15: a crash ends who left the group and the environment, and nobody of another service", async () => {
  await using house = new House();
  await using loader = house.up();
  await loader.waitLine(/entering SYSTEM_READY/);
  const one = house.pids("one"), two = house.pids("two");
  house.forget("one");
  const [, pid] = /Starting \(pid (\d+)\)/.exec(loader.messages("ONE")[0]!)!;
  kill(Number(pid), "SIGKILL");
  await until(
    "the next copy",
    () => loader.messages("ONE").filter((m) => m.startsWith("Ready")).length === 2,
  );
  assert.deepEqual(names(one), ["silent"], "nobody can tell whose that one is; it ends with the loader");
  assert.deepEqual(names(two), ["loud", "marked"], "the other service's");
  assert.equal(await loader.interrupt(), 0, loader.log);
  assert.deepEqual([one, house.pids("one"), two].map(names), [[], [], []]);
});

test("R6: a crash ends who was seen in the group and left everything since", async () => {
  await using house = new House({ one: ["late"], two: [] });
  await using loader = house.up();
  await loader.waitLine(/entering SYSTEM_READY/);
  const one = house.pids("one");
  await house.leave("one", "late");
  house.forget("one");
  const [, pid] = /Starting \(pid (\d+)\)/.exec(loader.messages("ONE")[0]!)!;
  kill(Number(pid), "SIGKILL");
  await until(
    "the next copy",
    () => loader.messages("ONE").filter((m) => m.startsWith("Ready")).length === 2,
  );
  assert.deepEqual(names(one), [], loader.log);
  assert.equal(await loader.interrupt(), 0, loader.log);
  assert.doesNotMatch(loader.log, /left behind/);
});

test("R6: the loader's kill -9 ends who left the group and the environment", async () => {
  await using house = new House();
  await using loader = house.up();
  await loader.waitLine(/entering SYSTEM_READY/);
  const one = house.pids("one"), two = house.pids("two");
  await house.recorded(one.child!, one.loud!, one.silent!, two.loud!);
  loader.signal("SIGKILL");
  await loader.exitCode.catch(() => {});
  await until(
    "the guardian's work",
    () => lives(one).length + lives(two).length === 0,
    () => `${JSON.stringify([one, two, guardiansOf(loader.pid)])}\n${loader.log}`,
  );
  await until("the guardian's end", () => guardiansOf(loader.pid).length === 0);
});

test("R6: the next up ends who left the group and the environment of a loader that was killed with its guardian", async () => {
  await using house = new House();
  await using loader = house.up();
  await loader.waitLine(/entering SYSTEM_READY/);
  const one = house.pids("one"), two = house.pids("two");
  await house.recorded(one.child!, one.loud!, one.silent!, two.loud!);
  const guardian = guardiansOf(loader.pid)[0]!;
  kill(loader.pid, "SIGSTOP"); // so that it cannot start another guardian
  kill(guardian.pid, "SIGKILL");
  kill(loader.pid, "SIGKILL");
  await loader.exitCode.catch(() => {});
  assert.equal(lives(one).length + lives(two).length, 5, "they outlive it");
  for (const service of ["one", "two"]) house.forget(service);
  await using next = house.up();
  await next.waitLine(/entering SYSTEM_READY/);
  assert.deepEqual([names(one), names(two)], [[], []], next.log);
  assert.equal(await next.interrupt(), 0, next.log);
});
