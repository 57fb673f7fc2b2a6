/** The control API before a stranger's fuzzer. The long form: `deno task api-fuzz`. Spec: §12. */
import assert from "node:assert/strict";
import { fuzz } from "../../scripts/api_fuzz.ts";
import { pythonTest } from "../support/reference_python.ts";

const test = pythonTest("schemathesis", "schemathesis==4.32.5");

test("schemathesis finds no crash of the control API and no answer that its document does not have", async (python) => {
  const { code, text, requests } = await fuzz(python, 2, ["--phases", "coverage,fuzzing"]);
  assert.equal(code, 0, text);
  assert.ok(requests > 150, `${requests} requests`);
});
