/** A kind of probe, warm-up or control is one file and one line of its room's list: here the line is a `push`. */
import assert from "node:assert/strict";
import { controlKinds } from "../../lib/controls/kinds.ts";
import { probeKinds } from "../../lib/probes/kinds.ts";
import { warmupKinds } from "../../lib/warmups/kinds.ts";
import { fileProbe } from "../support/kinds/file_probe.ts";
import { shoutControl, shouted } from "../support/kinds/shout_control.ts";
import { touchWarmup } from "../support/kinds/touch_warmup.ts";

probeKinds.push(fileProbe);
warmupKinds.push(touchWarmup);
controlKinds.push(shoutControl);

// Only now: the schema is made of the kinds that there are when it is loaded.
const { parseConfig } = await import("../../lib/config/load.ts");
const { ConfigError } = await import("../../lib/config/problem.ts");
const { configJsonSchema } = await import("../../lib/config/json_schema.ts");
const { configReference } = await import("../../lib/config/reference.ts");
const { planBoot } = await import("../../lib/plan/mod.ts");
const { createProbe } = await import("../../lib/probes/mod.ts");
const { createService, TtsService } = await import("../../lib/services/mod.ts");
const { runCommand } = await import("../../lib/sys/process/command.ts");
const { systemClock } = await import("../../lib/sys/clock.ts");
const { renderPlan } = await import("../../lib/ui/plan_view.ts");
const { runWarmup } = await import("../../lib/warmups/mod.ts");
const { testContext } = await import("../support/fake_service.ts");

const signal = new AbortController().signal;
const deps = { clock: systemClock, signal, run: runCommand };

const configured = (service: string) => `
loader: { startup_sequence: [kwd, tts], shutdown_sequence: [kwd, tts] }
services:
  kwd: { cmd: [sleep, "9"], readiness: { type: notify }, warmup: false }
  tts: ${service}
`;
const load = (service: string) => parseConfig(configured(service), "a.yaml", { HOME: "/home/me" });

function plan(service: string) {
  const facts = {
    configPath: "/a.yaml",
    configDir: "/",
    cwd: "/",
    home: "/home/me",
    env: {},
    uid: 1000,
    history: null,
    instanceHash: () => "x",
  };
  return planBoot(load(service), facts);
}

function problem(service: string): string {
  try {
    load(service);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  assert.fail("it was accepted");
}

Deno.test("a further readiness kind is parsed, described, planned and asked", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/ready`;
    const service = (keys: string) => `{ cmd: [sleep, "9"], readiness: { type: file, ${keys} } }`;
    assert.match(problem(service("paht: x")), /unknown key "paht"[^]*did you mean "path"\?/);
    assert.match(problem("{ manage: external, readiness: { type: notify } }"), /exec or file/);
    const { warnings } = load(service("path: /dev/null"));
    assert.ok(warnings.some(({ message }) => message === "tts: it is always there"));
    assert.match(configReference(configJsonSchema()), /Ready when a file is there[^]*\| `path` \|/);

    const boot = plan(service(`path: ${path}`));
    const [spec] = boot.services[1]!.readiness;
    assert.deepEqual(spec, { type: "file", path });
    assert.deepEqual(boot.services[1]!.health.probes, [spec]);
    assert.match(renderPlan(boot), new RegExp(`ready when +file ${path}\n`));

    const target = {
      name: "tts",
      notifiedReady: false,
      leaderPid: () => null,
      processTree: () => null,
      onLine: () => ({ [Symbol.dispose]() {} }),
      onNotifyReady: () => ({ [Symbol.dispose]() {} }),
    };
    using probe = createProbe(spec, target, deps);
    assert.equal(probe.description, `file ${path}`);
    assert.deepEqual(await probe.check({ signal, timeoutMs: 100 }), {
      state: "waiting",
      detail: "not there yet",
    });
    Deno.writeTextFileSync(path, "");
    assert.deepEqual(await probe.check({ signal, timeoutMs: 100 }), { state: "ready", detail: "there" });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a further warm-up kind is parsed, described, planned and run", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const file = `${folder}/warm`;
    const service = (keys: string) =>
      `{ cmd: [sleep, "9"], readiness: { type: notify }, warmup: { kind: touch, ${keys} } }`;
    assert.match(problem(service("file: 7")), /services\.tts\.warmup\.file/);
    assert.match(problem(service('file: ""')), /services\.tts\.warmup/);
    assert.match(configReference(configJsonSchema()), /A file is written[^]*\| `file` \|/);

    const boot = plan(service(`file: ${file}, runs: 2`));
    const { warmup } = boot.services[1]!;
    assert.deepEqual(warmup, { kind: "touch", file, timeoutMs: 60_000, runs: 2, required: true });
    assert.match(renderPlan(boot), new RegExp(`warm-up +touch ${file}, 2 times, within 60 s\n`));
    assert.equal((await runWarmup(warmup, deps)).state, "warmed");
    assert.equal(Deno.readTextFileSync(file), "");

    const { warmup: none } = plan(service("runs: 1")).services[1]!;
    assert.deepEqual([none.kind, none.why, none.warn], ["none", "tts names no file", true]);
    const result = await runWarmup(none, deps);
    assert.ok(result.state === "not_offered" && /http \| .* \| touch }/.test(result.hint));
    const failed = await runWarmup({ ...warmup, file: `${folder}/no/where` }, deps);
    assert.ok(failed.state === "failed" && failed.detail.startsWith(`${folder}/no/where: `));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("a further kind of control is parsed, described, planned and asked to speak", async () => {
  const service = (keys: string) =>
    `{ cmd: [sleep, "9"], readiness: { type: notify }, control: { kind: shout${keys} } }`;
  assert.match(problem(service(", luod: true")), /did you mean "loud"\?/);
  assert.match(configReference(configJsonSchema()), /Says it aloud[^]*\| `loud` \|/);
  // It can speak, so that is no reason to warn; a wake word that cannot be paused is another.
  assert.ok(load(service("")).warnings.every(({ message }) => !message.startsWith("tts ")));

  const boot = plan(service(", loud: true"));
  assert.deepEqual(boot.services[1]!.control, { kind: "shout", loud: true });
  assert.match(renderPlan(boot), /control +shouts\n[^]*greeting +"Hi Master/);
  await using tts = createService(boot.services[1]!, testContext({ clock: systemClock }));
  assert.ok(tts instanceof TtsService);
  const answer = await tts.speak("hello", "greeting", { signal, timeoutMs: 100 });
  assert.deepEqual([answer.state, shouted], ["finished", ["HELLO"]]);
});
