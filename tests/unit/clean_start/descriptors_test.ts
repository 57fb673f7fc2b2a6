import assert from "node:assert/strict";
import { requireDescriptors } from "../../../lib/clean_start/descriptors.ts";
import { ExitCode, LoaderError } from "../../../lib/errors.ts";

Deno.test("R23: a limit of open files that is too low for the services is told in one sentence, with exit 3", () => {
  requireDescriptors(4, 88);
  requireDescriptors(4, null);
  requireDescriptors(160, 1024);
  assert.throws(() => requireDescriptors(4, 87), (error) => {
    assert.ok(error instanceof LoaderError);
    assert.equal(error.exitCode, ExitCode.precheck);
    assert.equal(error.message, "raise the limit of open files to at least 88: it is 87");
    assert.match(error.hint!, /ulimit -n/);
    return true;
  });
});
