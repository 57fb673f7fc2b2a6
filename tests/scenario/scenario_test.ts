/**
 * Each folder here is one promise about the boot's end (Spec: §10, §13, §14; CONTRACT §5, §6), told in its README.md:
 *
 * - `config.yaml` is booted with the Python services of tests/fixtures, until the greeting is over.
 * - `expected.log` is the loader's whole log, with what differs from run to run masked: not one WARNING more. Lines
 *   between `{` and `}` come in any order.
 * - `expected.stamps` is what the services themselves say happened to them, in order, up to the stop.
 *
 * In all of them holds, by the services' stamps: each is started when the one before is ready and warm; at most one
 * greeting is spoken, not before all are warm; the last thing that KWD accepts is that it listens.
 */
import assert from "node:assert/strict";
import { LoaderProcess, type Stamp, TestHome, until } from "../support/loader_process.ts";
import { fillTemplate, lowPorts, mask, type Ports } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";
import { checks } from "./checks.ts";

const here = new URL(".", import.meta.url).pathname;
/** ALEXA_WRITE_EXPECTED=1 writes what is expected instead of comparing it; to be read before it is believed. */
const writes = Deno.env.get("ALEXA_WRITE_EXPECTED") === "1";
const filter = Deno.env.get("ALEXA_SCENARIO");
const over = /READY FOR WAKE WORD|Whether it listens is not known|there is no wake word to enable/;

for (const { name, isDirectory } of [...Deno.readDirSync(here)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (!isDirectory || (filter && !filter.split(",").includes(name))) continue;
  const promise = Deno.readTextFileSync(`${here}${name}/README.md`).split("\n")[0].replace(/^# /, "");
  Deno.test({ name: `scenario ${name}: ${promise}`, ignore: withoutPython, fn: () => play(name) });
}

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
  if (writes) {
    Deno.writeTextFileSync(`${here}${name}/expected.log`, log);
    Deno.writeTextFileSync(`${here}${name}/expected.stamps`, stamps);
  } else assertLog(log, Deno.readTextFileSync(`${here}${name}/expected.log`));
  keepsThePromises(home, loader, ports);
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

function keepsThePromises(home: TestHome, loader: LoaderProcess, _ports: Ports): void {
  const of = (name: string, event: string) => home.stampsOf(name).filter((stamp) => stamp.event === event);
  let gate: Stamp | undefined;
  for (const name of names.filter((name) => home.stampsOf(name).length > 0)) {
    const [start] = of(name, "start");
    if (gate) assert.ok(start.t > gate.t, `${name} was started before ${gate.service} was ready and warm`);
    gate = of(name, "warm")[0] ?? of(name, "ready")[0];
  }
  const speeches = of("tts", "speak_begin");
  assert.ok(speeches.length <= 1, "a greeting was spoken twice");
  assert.ok(!speeches[0] || speeches[0].t > gate!.t, "the greeting came before all were ready and warm");
  if (home.stampsOf("kwd").length === 0 || /Whether it listens is not known/.test(loader.log)) return;
  const control = home.stampsOf("kwd").filter(({ event }) => /^(pause|resume)/.test(event)).at(-1);
  assert.equal(control?.event, "resume", `listening did not end enabled\n${loader.log}`);
  assert.equal(control?.paused, false);
}
