import assert from "node:assert/strict";
import { parse } from "yaml";
import { edited, load, problemsOf, specText } from "../../support/config_edit.ts";

Deno.test("parseConfig() reads CRLF, a byte order mark and JSON as it reads the rest", () => {
  const { config } = load(specText);
  assert.deepEqual(load(specText.replaceAll("\n", "\r\n")).config, config);
  assert.deepEqual(load(`\ufeff${specText}`).config, config);
  assert.deepEqual(load(JSON.stringify(parse(specText))).config, config);
  assert.deepEqual(load(JSON.stringify(parse(specText), null, "\t")).config, config);
});

Deno.test("parseConfig() counts lines and columns the same with CRLF and a byte order mark", () => {
  const text = edited(["gpu_index: 0", "gpu_index: x"]);
  const [plain] = problemsOf(text);
  const [crlf] = problemsOf(text.replaceAll("\n", "\r\n"));
  const [bom] = problemsOf(`\ufeff${text}`);
  assert.deepEqual(crlf, plain);
  assert.deepEqual(bom, plain);
  const first = problemsOf(`\ufeffloder: 1`)[0]!;
  assert.deepEqual([first.line, first.column], [1, 1]);
});

Deno.test("parseConfig() follows aliases", () => {
  const text = edited(["    threads: 2", "    threads: &n 2"], [
    "    warmup_encoder_ms: 300",
    "    threads: *n",
  ]);
  assert.equal(load(text).config.services.stt!.threads, 2);
});

Deno.test("parseConfig() bounds what aliases can multiply to", () => {
  const lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 12; i++) lines.push(`b${i}: &a${i} [${Array(10).fill(`*a${i - 1}`).join(", ")}]`);
  const before = performance.now();
  const problem = problemsOf(lines.join("\n"))[0]!;
  assert.match(problem.message, /more than 20000 values/);
  assert.ok(performance.now() - before < 2000);
});

Deno.test("parseConfig() refuses an alias inside of its own anchor", () => {
  assert.match(problemsOf("a: &a [*a]")[0]!.message, /nested too deeply/);
});

Deno.test("parseConfig() survives brackets without end", () => {
  assert.equal(problemsOf("[".repeat(20_000)).length > 0, true);
  assert.equal(problemsOf(`a: ${"[".repeat(60)}${"]".repeat(60)}`)[0]!.message, "nested too deeply");
});

Deno.test("parseConfig() explains a file that is empty or not a mapping", () => {
  for (const text of ["", "\n\n", "# nothing yet\n", "---\n", "~"]) {
    assert.equal(problemsOf(text)[0]!.message, "the file is empty", JSON.stringify(text));
  }
  for (const text of ["- a", "hello", "5"]) {
    assert.equal(problemsOf(text)[0]!.message, "the top of the file is not a mapping");
  }
});

Deno.test("parseConfig() takes no key for a prototype", () => {
  assert.match(
    problemsOf(edited(["loader:\n", "__proto__: { a: 1 }\nloader:\n"]))[0]!.message,
    /not a usable key/,
  );
  assert.match(
    problemsOf(edited(["loader:\n", "constructor: 1\nloader:\n"]))[0]!.message,
    /unknown key "constructor"/,
  );
  assert.match(
    problemsOf(edited(["    threads: 2", "    toString: 2"]))[0]!.message,
    /unknown key "toString"/,
  );
  const text = edited(['"llm", "tts"]', '"llm", "tts", "toString"]']);
  assert.match(problemsOf(text)[0]!.message, /names "toString", which is not a service/);
});

Deno.test("parseConfig() points into the anchor when a value behind an alias is wrong", () => {
  const text = edited(['    default_voice: "en_us_1"', "    threads: *n"], [
    "    threads: 2",
    "    threads: &n two",
  ]);
  const problems = problemsOf(text);
  assert.deepEqual(problems.map((problem) => problem.path), ["services.kwd.threads", "services.tts.threads"]);
  assert.ok(problems.every(({ line }) => line === 58));
});
