import assert from "node:assert/strict";
import { describeValue } from "../../lib/text.ts";

Deno.test("describeValue() is short and has no control characters", () => {
  assert.equal(describeValue(null), "nothing");
  assert.equal(describeValue([]), "an empty list");
  assert.equal(describeValue({ a: 1 }), "a mapping");
  assert.ok(describeValue("x".repeat(1000)).length < 100);
  assert.ok(!/\p{Cc}|\p{Cf}/u.test(describeValue("a\u001b[0m\u202eb\u009b")));
});
