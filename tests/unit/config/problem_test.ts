import assert from "node:assert/strict";
import { LoaderError } from "../../../lib/errors.ts";
import { ConfigError, renderProblem } from "../../../lib/config/mod.ts";
import { excerptOf } from "../../../lib/config/problem.ts";
import { editDistance, nearest } from "../../../lib/did_you_mean.ts";
import { edited, load, problemsOf } from "../../support/config_edit.ts";

Deno.test("renderProblem() shows place, excerpt with a caret, wanted, found and hint", () => {
  const problem = problemsOf(edited(["readiness_poll_ms: 250", "readiness_poll_ms: 250ms"]))[0]!;
  assert.equal(
    renderProblem("my.yaml", problem),
    [
      "my.yaml:16:22: loader.readiness_poll_ms: not of the right kind",
      "  16 |   readiness_poll_ms: 250ms",
      "     |                      ^^^^^",
      "  wanted: a number 1..60000",
      '  found:  the text "250ms"',
      "  hint:   write the number only: the key's last word is its unit",
    ].join("\n"),
  );
});

Deno.test("ConfigError has all problems as data and in its message", () => {
  let error: unknown;
  try {
    load(edited(["gpu_index: 0", "gpu_index: x"], ["threads: 2", "threds: 2"]));
  } catch (caught) {
    error = caught;
  }
  assert.ok(error instanceof ConfigError && error instanceof LoaderError);
  assert.equal(error.problems.length, 2);
  assert.match(
    error.message,
    /^loader\.yaml:2:14: [^]*\n\nloader\.yaml:58:5: [^]*\n\n2 problems in loader\.yaml$/,
  );
});

Deno.test("excerptOf() puts the caret below the place, whatever is before it", () => {
  assert.equal(excerptOf("\tä𝄞: x", 7, 6, 1), "  7 |  ä𝄞: x\n    |     ^");
  assert.equal(excerptOf("a: \u001b[31mred", 1, 4, 3), "  1 | a: ·[31mred\n    |    ^^^");
  assert.equal(excerptOf("   ", 1, 1, 1), "");
  const [source, caret] = excerptOf(`${"x".repeat(500)}HERE${"y".repeat(500)}`, 1, 501, 4).split("\n");
  assert.equal(source!.indexOf("HERE"), caret!.indexOf("^^^^"));
  assert.ok(source!.length < 130);
});

Deno.test("nearest() finds slips of the finger and other habits of writing, and nothing far off", () => {
  const keys = ["startup_sequence", "shutdown_sequence", "timeouts", "cuda", "log"];
  assert.equal(nearest("starup_sequence", keys), "startup_sequence");
  assert.equal(nearest("startupSequence", keys), "startup_sequence");
  assert.equal(nearest("shutdown-sequence", keys), "shutdown_sequence");
  assert.equal(nearest("timeuots", keys), "timeouts");
  assert.equal(nearest("wakeword", keys), null);
  assert.equal(nearest("x".repeat(5000), keys), null);
});

Deno.test("editDistance() counts inserts, deletes, replacements and swaps", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("abc", "abc"), 0);
  assert.equal(editDistance("tcp", "tpc"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
});
