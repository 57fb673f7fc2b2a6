import assert from "node:assert/strict";
import { problemOf, readMutants } from "../../scripts/mutants.ts";

Deno.test("every entry of tests/mutants/ can still be tried: its text occurs exactly once, its tests are there", () => {
  const mutants = readMutants();
  const problems = mutants.map((mutant) => [mutant.id, problemOf(mutant)]).filter(([, problem]) =>
    problem !== null
  );
  assert.deepEqual(problems, []);
  const ids = mutants.map(({ id }) => id);
  assert.deepEqual(ids.filter((id, at) => ids.indexOf(id) !== at), [], "ids that are used twice");
});

Deno.test("problemOf() tells an entry whose text is gone, is there twice, changes nothing, or whose tests are gone", () => {
  const root = `${Deno.makeTempDirSync()}/`;
  try {
    Deno.writeTextFileSync(`${root}a.ts`, "one two two");
    const of = (find: string, more = {}) =>
      problemOf({ id: "X", bug: "", file: "a.ts", find, replace: "", tests: ["a.ts"], ...more }, root);
    assert.equal(of("one"), null);
    assert.equal(of("two"), "a.ts has its text 2 times, not once");
    assert.equal(of("three"), "a.ts has its text 0 times, not once");
    assert.equal(of("one", { replace: "one" }), "changes nothing");
    assert.equal(of("one", { tests: ["b_test.ts"] }), "no file b_test.ts");
    assert.equal(of("one", { tests: [] }), "names no test");
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
