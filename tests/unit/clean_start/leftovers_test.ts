/** Leftovers of an earlier loader: stopped if proved, never touched if not. Real processes throughout. */
import assert from "node:assert/strict";
import { findLeftovers, stopLeftovers } from "../../../lib/clean_start/leftovers.ts";
import type { PreviousState } from "../../../lib/clean_start/state_file.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { randomHex, userId } from "../../../lib/sys/host.ts";
import { isGone, readStat } from "../../../lib/sys/process/procfs.ts";
import { previousState, rememberingLog } from "../../support/hygiene_plan.ts";
import { bystander, claimHolder, start, until } from "../../support/strangers.ts";
import { withProcesses } from "../../support/with_processes.ts";

const linux = { ignore: Deno.build.os !== "linux" };
const uid = userId();

async function stopAll(previous: PreviousState, graceMs = 2000) {
  const log = rememberingLog();
  const left = await stopLeftovers(findLeftovers(previous, { uid }), { clock: systemClock, graceMs, log });
  return { left, lines: log.lines };
}

withProcesses.test("stopLeftovers() stops a recorded process and tells it in words", linux, async () => {
  const boot = randomHex(12);
  await using stranger = bystander();
  await using service = bystander();
  const { left, lines } = await stopAll(previousState(boot, { stt: service }));
  assert.deepEqual(left, []);
  assert.ok(!service.alive && stranger.alive);
  assert.equal(
    lines[0],
    `LOADER WARNING = Stopping leftover stt of boot ${boot}: pid ${service.pid} (${service.commandLine})`,
  );
  assert.match(lines[1]!, /^LOADER INFO = Leftover stt of boot \w+ stopped in \d+\.\d\ds$/);
});

withProcesses.test(
  "stopLeftovers() stops the group, the sessions and the daemons of a recorded process",
  linux,
  async () => {
    const boot = randomHex(12);
    await using stranger = bystander({ ALEXA_BOOT_ID: randomHex(12), ALEXA_SERVICE: "stt" });
    // A child without our environment, a daemon with it, and one that does not hear SIGTERM.
    await using service = start([
      "sh",
      "-c",
      `env -i "$(command -v sleep)" 301 & setsid sleep 302 & sh -c 'trap "" TERM; while :; do sleep 1; done' & wait`,
    ], { env: { ALEXA_BOOT_ID: boot, ALEXA_SERVICE: "stt" } });
    const living = () => findLeftovers(previousState(boot, { stt: service }), { uid })[0]?.living() ?? [];
    // All five, the daemon among them: it is one once it has left the session.
    await until(() => living().length >= 5 && living().some((stat) => stat.session !== service.pid));
    const pids = living().map((stat) => stat.pid);
    const { left, lines } = await stopAll(previousState(boot, { stt: service }), 300);
    assert.deepEqual(left, []);
    assert.deepEqual(pids.filter((pid) => !isGone(readStat(pid))), []);
    assert.ok(stranger.alive);
    assert.match(lines.join("\n"), /Leftover stt of boot \w+ was killed after/);
  },
);

withProcesses.test(
  "R6: who left the group and the environment of a service is a leftover if it was seen, and only itself",
  linux,
  async () => {
    const boot = randomHex(12);
    await using helper = bystander();
    await using stray = bystander();
    await using renumbered = bystander();
    const text = ({ pid, startTime }: { pid: number; startTime: number }, older = 0) =>
      `${pid}:${startTime - older}`;
    const gone = { pid: 4_194_302, startTime: 7 };
    const previous = previousState(boot, { stt: { ...gone, seen: [text(helper), text(renumbered, 1)] } }, {
      strays: [text(stray)],
    });
    const one = { uid, spare: new Set([4_194_301]) };
    const { service, leader } = findLeftovers(previous, one)[0]!;
    assert.deepEqual([service, leader], ["stt", null]);
    assert.equal(findLeftovers(previous, one).length, 1, "a stray may be of a service that goes on");
    const { left, lines } = await stopAll(previous);
    assert.deepEqual(left, []);
    assert.ok(!helper.alive && !stray.alive && renumbered.alive);
    assert.match(lines.join("\n"), /Stopping leftover stt of .*\n.*Stopping leftover process of /);
  },
);

withProcesses.test(
  "findLeftovers() knows an unrecorded process by the boot id in its environment",
  linux,
  async () => {
    const boot = randomHex(12);
    await using service = bystander({ ALEXA_BOOT_ID: boot, ALEXA_SERVICE: "tts" });
    await using nameless = bystander({ ALEXA_BOOT_ID: boot, ALEXA_SERVICE: "x\ny" });
    await using longer = bystander({ ALEXA_BOOT_ID: boot + "0" });
    const found = findLeftovers(previousState(boot, {}), { uid });
    assert.deepEqual(found.map((l) => [l.service, l.boot, l.leader, l.living().map((s) => s.pid)]), [
      ["tts", boot, null, [service.pid]],
      ["process", boot, null, [nameless.pid]],
    ]);
    assert.ok(longer.alive);
  },
);

withProcesses.test(
  "findLeftovers() knows what an adopted service of an older boot has started",
  linux,
  async () => {
    const older = randomHex(12);
    await using service = bystander({ ALEXA_BOOT_ID: older, ALEXA_SERVICE: "llm" });
    await using daemon = bystander({ ALEXA_BOOT_ID: older, ALEXA_SERVICE: "llm" });
    const found = findLeftovers(previousState(randomHex(12), { llm: { ...service, boot: older } }), { uid });
    assert.deepEqual(found.map((l) => l.living().map((s) => s.pid).sort()), [
      [service.pid, daemon.pid].sort(),
    ]);
  },
);

withProcesses.test("findLeftovers() proves nothing by a number that was used again", linux, async () => {
  await using stranger = start(["sh", "-c", "sleep 303 & wait"]);
  const { pid, startTime } = stranger;
  const lies: PreviousState[] = [
    previousState(randomHex(12), { stt: { pid, startTime: startTime - 1 } }),
    previousState(randomHex(12), { stt: { pid, startTime: startTime + 1 } }),
    previousState(randomHex(12), { stt: { pid, startTime: 0 } }),
    previousState(randomHex(12), { stt: { pid: 4_194_302, startTime, pgid: pid } }), // only the group's number is right
    previousState(randomHex(12), { stt: { pid, startTime } }, { machineBoot: crypto.randomUUID() }),
    previousState(randomHex(12), { stt: { pid, startTime } }, { machineBoot: "" }),
  ];
  for (const lie of lies) {
    assert.deepEqual(findLeftovers(lie, { uid }), []);
    await stopAll(lie);
  }
  assert.ok(stranger.alive);
  assert.equal(
    findLeftovers(previousState(randomHex(12), { stt: stranger }), { uid }).length,
    1,
    "the truth is believed",
  );
});

withProcesses.test(
  "findLeftovers() does not take the group that a record names, only the one its process leads",
  linux,
  async () => {
    await using stranger = start(["sh", "-c", "sleep 304 & wait"]);
    await using service = bystander();
    const [found] = findLeftovers(previousState(randomHex(12), { stt: { ...service, pgid: stranger.pid } }), {
      uid,
    });
    assert.deepEqual(found!.living().map((stat) => stat.pid), [service.pid]);
  },
);

withProcesses.test(
  "findLeftovers() finds nothing while the loader that wrote the record lives",
  linux,
  async () => {
    await using loader = bystander();
    await using service = bystander();
    assert.deepEqual(findLeftovers(previousState(randomHex(12), { stt: service }, { loader }), { uid }), []);
  },
);

withProcesses.test(
  "R4: findLeftovers() leaves a boot alone that another living loader looks after",
  linux,
  async () => {
    const [dead, older] = [randomHex(12), randomHex(12)];
    await using service = bystander({ ALEXA_BOOT_ID: older, ALEXA_SERVICE: "llm" });
    await using own = bystander({ ALEXA_BOOT_ID: dead, ALEXA_SERVICE: "tts" });
    const previous = previousState(dead, { llm: { ...service, boot: older } });
    const found = () => findLeftovers(previous, { uid }).map((leftover) => leftover.service);
    await using loader = await claimHolder(`boot/${older}`);
    assert.deepEqual(found(), ["tts"]);
    await loader[Symbol.asyncDispose]();
    assert.deepEqual(found(), ["llm", "tts"]);
    assert.ok(own.alive && service.alive);
  },
);

Deno.test("findLeftovers() never finds this program or its ancestors", linux, async () => {
  const self = readStat(Deno.pid)!, parent = readStat(self.ppid)!;
  assert.deepEqual(findLeftovers(previousState(randomHex(12), { stt: self, llm: parent }), { uid }), []);
  await Promise.resolve();
});

withProcesses.test(
  "findLeftovers() leaves a spared service alone, with all that belongs to it",
  linux,
  async () => {
    const boot = randomHex(12);
    const env = { ALEXA_BOOT_ID: boot, ALEXA_SERVICE: "llm" };
    await using adopted = bystander(env);
    await using _daemon = bystander(env);
    await using other = bystander({ ...env, ALEXA_SERVICE: "tts" });
    const previous = previousState(boot, { llm: adopted, tts: other });
    const found = findLeftovers(previous, { uid, spare: new Set([adopted.pid]) });
    assert.deepEqual(found.map((l) => l.service), ["tts"]);
    assert.equal(findLeftovers(previous, { uid }).find((l) => l.service === "llm")!.leader!.pid, adopted.pid);
  },
);

withProcesses.test({
  name: "findLeftovers() as root takes another user's process by record, not by its environment",
  ignore: uid !== 0,
  async fn() {
    const boot = randomHex(12);
    await using theirs = start(["sleep", "300"], {
      uid: 65534,
      env: { ALEXA_BOOT_ID: boot, ALEXA_SERVICE: "stt" },
    });
    assert.deepEqual(findLeftovers(previousState(boot, {}), { uid }), []);
    assert.equal(findLeftovers(previousState(randomHex(12), { stt: theirs }), { uid }).length, 1);
    assert.deepEqual(findLeftovers(previousState(randomHex(12), { stt: theirs }), { uid: 1000 }), []);
  },
});
