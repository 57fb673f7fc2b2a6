/**
 * Each folder here is one promise about the boot's end (Spec: §10, §13, §14; CONTRACT §5, §6), told in its README.md:
 *
 * - `config.yaml` is booted with the Python services of tests/fixtures, until the greeting is over.
 * - `expected.log` is the loader's whole log, with what differs from run to run masked: not one WARNING more. Lines
 *   between `{` and `}` come in any order.
 * - `expected.stamps` is what the services themselves say happened to them, in order, up to the stop.
 *
 * In all of them holds, by the services' stamps: each is started when the one before is ready and warm; at most one
 * greeting is spoken, not before all are warm; KWD is not asked to listen within the guard after the end of the speech;
 * the last thing that KWD accepts is that it listens.
 */
import assert from "node:assert/strict";
import { LoaderProcess, type Stamp, TestHome, until } from "../support/loader_process.ts";
import { fillTemplate, lowPorts, mask } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";
import { checks } from "./checks.ts";

const here = new URL(".", import.meta.url).pathname;
/** ALEXA_WRITE_EXPECTED=1 writes what is expected instead of comparing it: what has changed is to be read, so it fails. */
const writes = Deno.env.get("ALEXA_WRITE_EXPECTED") === "1";
const filter = Deno.env.get("ALEXA_SCENARIO");
/** The default of kwd_resume_after_tts_ms: no scenario has another. */
const guardMs = 150;
const over = /READY FOR WAKE WORD|Whether it listens is not known|there is no wake word to enable/;

const scenarios = [...Deno.readDirSync(here)].filter((entry) => entry.isDirectory).map(({ name }) => name)
  .sort();
for (const name of scenarios) {
  if (filter && !filter.split(",").includes(name)) continue;
  const promise = Deno.readTextFileSync(`${here}${name}/README.md`).split("\n")[0]!.replace(/^# /, "");
  Deno.test({ name: `scenario ${name}: ${promise}`, ignore: withoutPython, fn: () => play(name) });
}

Deno.test("every check of checks.ts belongs to a scenario", () => {
  assert.deepEqual(Object.keys(checks).filter((name) => !scenarios.includes(name)), []);
});

async function play(name: string): Promise<void> {
  await using home = new TestHome();
  const ports = lowPorts();
  const config = home.write(
    "loader.yaml",
    fillTemplate(Deno.readTextFileSync(`${here}${name}/config.yaml`), ports),
  );
  await using loader = new LoaderProcess(home, ["up", "--config", config]);
  await loader.waitLine(over);
  await checks[name]?.({ home, ports, loader });
  const expected = writes ? null : Deno.readTextFileSync(`${here}${name}/expected.stamps`);
  // Late and double events come after the greeting: all must have happened before the stop.
  if (writes) await new Promise((resolve) => setTimeout(resolve, 2500));
  else {
    await until(
      "what the services stamp",
      () => told(home) === expected,
      () => `${told(home)}\n${loader.log}`,
    )
      .catch(() => assert.equal(told(home), expected, loader.log));
  }
  const stamps = told(home);
  assert.equal(await loader.interrupt(), 0, loader.log);
  await home.assertNothingLeft(Object.values(ports), loader.pid);
  assert.deepEqual(loader.errors, []);

  const log = loader.lines.map((line) => mask(line.text, ports) + "\n").join("");
  keepsThePromises(home, loader);
  if (!writes) return assertLog(log, Deno.readTextFileSync(`${here}${name}/expected.log`));
  const rewritten = [
    rewrite(`${here}${name}/expected.log`, log, assertLog),
    rewrite(`${here}${name}/expected.stamps`, stamps, assert.equal),
  ];
  assert.deepEqual(rewritten, [false, false], "rewritten: look at the diff");
}

/** Writes what the file does not expect yet; whether it did. */
function rewrite(path: string, actual: string, compare: (actual: string, expected: string) => void): boolean {
  try {
    compare(actual, Deno.readTextFileSync(path));
    return false;
  } catch {
    Deno.writeTextFileSync(path, actual);
    return true;
  }
}

/** Compares line by line; what the expected log has between `{` and `}` in any order. */
function assertLog(actual: string, expected: string): void {
  const lines = actual.split("\n"), wanted: string[] = [];
  let block = -1;
  for (const line of expected.split("\n")) {
    if (line === "{") block = wanted.length;
    else if (line === "}") {
      wanted.splice(block, Infinity, ...wanted.slice(block).sort());
      lines.splice(block, wanted.length - block, ...lines.slice(block, wanted.length).sort());
    } else wanted.push(line);
  }
  assert.equal(lines.join("\n"), wanted.join("\n"));
}

const names = ["kwd", "stt", "llm", "tts"];
const atTheEnd = new Set(["term", "stopped"]);

/** `kwd: start bound ready …` per service. */
function told(home: TestHome): string {
  return names.map((name) => {
    const events = home.events(name).filter((event) => !atTheEnd.has(event));
    return events.length > 0 ? `${name}: ${events.join(" ")}\n` : "";
  }).join("");
}

function keepsThePromises(home: TestHome, loader: LoaderProcess): void {
  const of = (name: string, event: string) => home.stampsOf(name).filter((stamp) => stamp.event === event);
  let gate: Stamp | undefined;
  for (const name of names.filter((name) => home.stampsOf(name).length > 0)) {
    const start = of(name, "start")[0]!;
    if (gate) assert.ok(start.t > gate.t, `${name} was started before ${gate.service} was ready and warm`);
    gate = of(name, "warm")[0] ?? of(name, "ready")[0];
  }
  const speeches = of("tts", "speak_begin");
  assert.ok(speeches.length <= 1, "a greeting was spoken twice");
  assert.ok(!speeches[0] || speeches[0].t > gate!.t, "the greeting came before all were ready and warm");
  const [spoken] = of("tts", "speak_end");
  const asked = spoken &&
    home.stampsOf("kwd").find(({ event, t }) => event.startsWith("resume") && t > spoken.t);
  if (asked && !/told that it could not speak/.test(loader.log)) {
    const afterMs = (asked.t - spoken.t) / 1e6;
    assert.ok(afterMs >= guardMs, `KWD was asked to listen ${afterMs} ms after the speech\n${loader.log}`);
  }
  if (home.stampsOf("kwd").length === 0 || /Whether it listens is not known/.test(loader.log)) return;
  const control = home.stampsOf("kwd").filter(({ event }) => /^(pause|resume)/.test(event)).at(-1);
  assert.equal(control?.event, "resume", `listening did not end enabled\n${loader.log}`);
  assert.equal(control?.paused, false);
}
