import assert from "node:assert/strict";
import { LoaderError } from "../../../lib/errors.ts";
import { findBoot } from "../../../lib/metrics/find.ts";
import { bootRecord } from "../../support/boot_records.ts";

const records = ["7f3a", "7f9b", "7f", "c001"].map((boot, n) => ({ ...bootRecord(n), boot }));

function found(id?: string): string {
  const result = findBoot(records, id);
  assert.ok(!(result instanceof LoaderError), String(result));
  return result.record.boot;
}

function refused(id: string, of = records): [message: string, hint: string | undefined] {
  const result = findBoot(of, id);
  assert.ok(result instanceof LoaderError);
  assert.equal(result.code, "usage");
  return [result.message, result.hint];
}

Deno.test("findBoot() takes last, counts back, and completes a prefix", () => {
  assert.equal(found(), "c001");
  assert.equal(found("last"), "c001");
  assert.equal(found("-1"), "c001");
  assert.equal(found("-4"), "7f3a");
  assert.equal(found("7f3"), "7f3a");
  assert.equal(found("c"), "c001");
  assert.equal(found("7f"), "7f"); // whole, though others begin like it
});

Deno.test("findBoot() gives the boots before, oldest first", () => {
  const result = findBoot(records, "7f9b");
  assert.ok(!(result instanceof LoaderError));
  assert.deepEqual(result.earlier.map(({ boot }) => boot), ["7f3a"]);
});

Deno.test("findBoot() says which boots could be meant", () => {
  assert.deepEqual(refused("7"), [
    'boot "7" is ambiguous: 3 boots begin like that',
    "among them 7f3a, 7f9b, 7f",
  ]);
  assert.deepEqual(refused("c0o1"), ['no boot "c0o1" in the history', "did you mean c001?"]);
  assert.deepEqual(refused("zzzzzzzz"), ['no boot "zzzzzzzz" in the history', "`boots` lists them"]);
  assert.deepEqual(refused(""), ['no boot "" in the history', "`boots` lists them"]);
  assert.deepEqual(refused("-5"), ["no boot -5: the history has 4", "-1 is the last, -4 the first"]);
  assert.deepEqual(refused("-0")[0], "no boot -0: the history has 4");
  assert.deepEqual(refused("last", []), ["there is no boot in the history yet", "`up` or `demo` makes one"]);
});
