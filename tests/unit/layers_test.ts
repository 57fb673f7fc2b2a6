import assert from "node:assert/strict";
import { breachesOf, circlesOf, readHouse } from "../../scripts/check_layers.ts";

const whatOf = (path: string, text: string) =>
  breachesOf(path, text).map(({ line, what }) => `${line}: ${what}`);

Deno.test("breachesOf() finds imports against the direction, at their line", () => {
  assert.deepEqual(whatOf("lib/sys/a.ts", '\nimport { x } from "../supervise/supervisor.ts";\n'), [
    "2: sys imports supervise (lib/supervise/supervisor.ts): against the direction",
  ]);
  const many = [
    'import { a } from "../voice/a.ts";',
    'export * from "../cli/b.ts";',
    'import "../loader/loader.ts";',
  ];
  assert.deepEqual(whatOf("lib/services/a.ts", many.join("\n")).map((what) => what.split(" (")[0]), [
    "1: services imports voice",
    "2: services imports cli",
    "3: services imports loader",
  ]);
  assert.equal(whatOf("lib/sys/a.ts", 'const m = await import("../cli/mod.ts");').length, 1, "lazy ones too");
  assert.equal(
    whatOf("lib/sys/a.ts", 'import {\n  a,\n  b,\n} from "../plan/plan.ts";').length,
    1,
    "over several lines",
  );
  assert.equal(whatOf("lib/sys/a.ts", 'import type { A } from "../config/a.ts";').length, 1, "types too");
  assert.equal(
    whatOf("lib/probes/a.ts", 'import { a } from "../warmups/a.ts";').length,
    1,
    "rooms of one rank",
  );
  assert.equal(
    whatOf("lib/errors.ts", 'import { a } from "./sys/clock.ts";').length,
    1,
    "the root files are lowest",
  );
  assert.equal(
    whatOf("lib/model/a.ts", 'import type { A } from "../errors.ts";').length,
    1,
    "model imports nothing",
  );
});

Deno.test("breachesOf() lets pass what goes down or stays in the room", () => {
  const good: [string, string][] = [
    ["lib/voice/a.ts", 'import { call } from "../services/kwd.ts";'],
    ["lib/voice/a.ts", 'import { b } from "./b.ts";'],
    ["lib/sys/files/a.ts", 'import { b } from "../process/b.ts";'],
    ["lib/sys/a.ts", 'import type { BootPlan } from "../model/plan.ts";'],
    ["lib/plan/a.ts", 'import { schema } from "../config/schema.ts";'],
    ["lib/sys/a.ts", 'import { LoaderError } from "../errors.ts";'],
    ["lib/cli/a.ts", 'import { LoaderService } from "../loader/loader.ts";'],
    ["lib/supervise/a.ts", 'import fc from "fast-check"; import { z } from "zod";'],
    ["lib/sys/a.ts", '// import { x } from "../cli/up.ts";\n/* import { y } from "../cli/up.ts"; */'],
    ["lib/demo/a.ts", 'import text from "../../config/demo.yaml" with { type: "text" };'],
  ];
  for (const [path, text] of good) assert.deepEqual(whatOf(path, text), [], text);
});

Deno.test("breachesOf() lets only lib/sys name the runtime and what is ambient, and only its clock have bare timers", () => {
  assert.deepEqual(whatOf("lib/voice/a.ts", "\n\nDeno.exit(1);"), ["3: names Deno outside lib/sys"]);
  assert.equal(whatOf("lib/voice/a.ts", "Deno\n  .cwd();").length, 1);
  assert.deepEqual(whatOf("lib/sys/a.ts", "Deno.exit(1);"), []);
  assert.deepEqual(whatOf("lib/voice/a.ts", "// Deno.exit(1)\n/** Deno.exit */\nconst myDeno = 1;"), []);
  for (
    const code of [
      "console.log(1)",
      "crypto.randomUUID()",
      "performance.now()",
      "Date.now()",
      "await fetch(url)",
      "Buffer.from([])",
      "globalThis.Deno",
      "`${Date.now()}`",
    ]
  ) assert.equal(whatOf("lib/voice/a.ts", code).length, 1, code);
  assert.deepEqual(whatOf("lib/voice/a.ts", 'prefetch(1); x.fetch(2); const s = "Date.now()";'), []);
  assert.deepEqual(whatOf("lib/supervise/a.ts", "setTimeout(f, 1);"), ["1: bare setTimeout: take a Clock"]);
  assert.equal(whatOf("lib/sys/a.ts", "x = setInterval(f, 1);").length, 1);
  assert.deepEqual(whatOf("lib/sys/clock.ts", "setTimeout(f, 1);"), []);
  assert.deepEqual(whatOf("lib/supervise/a.ts", "clock.setTimeout(f, 1); resetTimeout(2);"), []);
});

Deno.test("breachesOf() keeps the pure rooms off the machine", () => {
  assert.deepEqual(whatOf("lib/ui/a.ts", 'import { print } from "../sys/terminal.ts";'), [
    "1: ui is pure and imports lib/sys/terminal.ts",
  ]);
  assert.deepEqual(whatOf("lib/ui/a.ts", 'import type { Clock } from "../sys/clock.ts";'), []);
});

Deno.test("breachesOf() wants a layer for every folder and file of lib/", () => {
  assert.deepEqual(whatOf("lib/attic/a.ts", ""), ["1: lib/attic/ has no layer"]);
  assert.deepEqual(whatOf("lib/attic.ts", ""), ["1: lib/attic.ts has no layer"]);
});

Deno.test("circlesOf() finds files that import each other, over any distance and by types alone", () => {
  const files = new Map([
    ["lib/plan/a.ts", 'import { b } from "./b.ts";'],
    ["lib/plan/b.ts", 'export * from "./c.ts";'],
    ["lib/plan/c.ts", 'import type { A } from "./a.ts";'],
    ["lib/plan/d.ts", 'import { a } from "./a.ts"; import("./e.ts");'],
    ["lib/plan/e.ts", '// import { d } from "./d.ts";'],
  ]);
  assert.deepEqual(circlesOf(files), [["lib/plan/a.ts", "lib/plan/b.ts", "lib/plan/c.ts"]]);
  files.set("lib/plan/c.ts", "");
  assert.deepEqual(circlesOf(files), []);
});

Deno.test("the house has no breaches and no circles", async () => {
  const files = await readHouse(new URL("../../", import.meta.url));
  assert.ok(files.size > 100);
  assert.deepEqual([...files].flatMap(([path, text]) => breachesOf(path, text)), []);
  assert.deepEqual(circlesOf(files), []);
});
