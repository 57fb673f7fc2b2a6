import assert from "node:assert/strict";
import {
  figure,
  flag,
  isCount,
  isRecord,
  listOf,
  orNull,
  parseJson,
  recordOf,
  shaped,
  text,
  tryRead,
} from "../../lib/shape.ts";

Deno.test("parseJson(), isRecord() and recordOf() take anything for what it is", () => {
  assert.equal(parseJson("{"), undefined);
  assert.equal(parseJson("[".repeat(1_000_000)), undefined);
  assert.deepEqual(recordOf(parseJson('{"a":1}')), { a: 1 });
  for (const other of [null, undefined, [], "x", 1, true]) {
    assert.equal(isRecord(other), false);
    assert.deepEqual(recordOf(other), {});
  }
  assert.deepEqual([0, 7, -1, 1.5, NaN, "7", 2 ** 60].map(isCount), [
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("shaped() gives the fields it names and no other, tryRead() nothing where one does not fit", () => {
  const read = shaped<{ name: string; on: boolean; size: number | null; tags: string[] }>({
    name: text,
    on: flag,
    size: orNull(figure),
    tags: listOf(text, 2),
  });
  const fits = { name: "a", on: true, size: null, tags: ["x"] };
  assert.deepEqual(tryRead(read, { ...fits, more: 1 }), fits);
  for (
    const wrong of [{ name: 1 }, { on: 0 }, { size: NaN }, { size: undefined }, { tags: ["a", "b", "c"] }, {
      tags: [1],
    }]
  ) {
    assert.equal(tryRead(read, { ...fits, ...wrong }), undefined, JSON.stringify(wrong));
  }
  assert.equal(tryRead(read, [fits]), undefined);
  assert.throws(() => tryRead(() => assert.fail("a fault of ours"), 1), /a fault of ours/);
});
