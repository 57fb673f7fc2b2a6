import assert from "node:assert/strict";
import { breachesOf } from "../../scripts/check_layers.ts";

const whatOf = (path: string, text: string) =>
  breachesOf(path, text).map(({ line, what }) => `${line}: ${what}`);

Deno.test("breachesOf() finds imports against the direction, at their line", () => {
  assert.deepEqual(whatOf("lib/sys/a.ts", '\nimport { x } from "../run/unit.ts";\n'), [
    "2: sys imports run (lib/run/unit.ts): against the direction",
  ]);
  const many = [
    'import { a } from "../boot/a.ts";',
    'export * from "../cli/b.ts";',
    'import "../loader.ts";',
  ];
  assert.deepEqual(whatOf("lib/services/a.ts", many.join("\n")).map((what) => what.split(" (")[0]), [
    "1: services imports boot",
    "2: services imports cli",
    "3: services imports loader",
  ]);
  assert.equal(whatOf("lib/sys/a.ts", 'const m = await import("../cli/mod.ts");').length, 1, "lazy ones too");
  assert.equal(
    whatOf("lib/sys/a.ts", 'import {\n  a,\n  b,\n} from "../plan/plan.ts";').length,
    1,
    "over several lines",
  );
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
});

Deno.test("breachesOf() lets pass what goes down, stays in the room, or is the shared vocabulary", () => {
  const good: [string, string][] = [
    ["lib/boot/a.ts", 'import { step } from "../run/service_machine.ts";'],
    ["lib/boot/a.ts", 'import { b } from "./b.ts";'],
    ["lib/sys/a.ts", 'import type { BootPlan } from "../plan/types.ts";'],
    ["lib/sys/a.ts", 'import type { LoaderConfig } from "../config/schema.ts";'],
    ["lib/plan/a.ts", 'import { schema } from "../config/schema.ts";'],
    ["lib/sys/a.ts", 'import { LoaderError } from "../errors.ts";'],
    ["lib/cli/a.ts", 'import { LoaderService } from "../loader.ts";'],
    ["lib/run/a.ts", 'import fc from "fast-check"; import { z } from "zod";'],
    ["lib/sys/a.ts", '// import { x } from "../run/unit.ts";\n/* import { y } from "../run/unit.ts"; */'],
    ["lib/demo/a.ts", 'import text from "../../config/demo.yaml" with { type: "text" };'],
  ];
  for (const [path, text] of good) assert.deepEqual(whatOf(path, text), [], text);
});

Deno.test("breachesOf() lets only lib/sys name the runtime, and only its clock have bare timers", () => {
  assert.deepEqual(whatOf("lib/boot/a.ts", "\n\nDeno.exit(1);"), ["3: names Deno outside lib/sys"]);
  assert.equal(whatOf("lib/boot/a.ts", "Deno\n  .cwd();").length, 1);
  assert.deepEqual(whatOf("lib/sys/a.ts", "Deno.exit(1);"), []);
  assert.deepEqual(whatOf("lib/boot/a.ts", "// Deno.exit(1)\n/** Deno.exit */\nconst myDeno = 1;"), []);
  assert.deepEqual(whatOf("lib/run/a.ts", "setTimeout(f, 1);"), ["1: bare setTimeout: take a Clock"]);
  assert.equal(whatOf("lib/sys/a.ts", "x = setInterval(f, 1);").length, 1);
  assert.deepEqual(whatOf("lib/sys/clock.ts", "setTimeout(f, 1);"), []);
  assert.deepEqual(whatOf("lib/run/a.ts", "clock.setTimeout(f, 1); resetTimeout(2);"), []);
});

Deno.test("breachesOf() wants a layer for every folder of lib/", () => {
  assert.deepEqual(whatOf("lib/attic/a.ts", ""), ["1: lib/attic/ has no layer"]);
});

Deno.test("the house has no breaches", async () => {
  const root = new URL("../../", import.meta.url);
  const breaches: string[] = [];
  let files = 0;
  async function walk(folder: string): Promise<void> {
    for await (const entry of Deno.readDir(new URL(folder, root))) {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory) await walk(`${path}/`);
      else if (entry.name.endsWith(".ts")) {
        files++;
        const found = breachesOf(path, await Deno.readTextFile(new URL(path, root)));
        breaches.push(...found.map(({ file, line, what }) => `${file}:${line}: ${what}`));
      }
    }
  }
  await walk("lib/");
  assert.ok(files > 100);
  assert.deepEqual(breaches, []);
});
