/** Every shell script of ours, as shellcheck reads it: the guardian's, the self-extracting head, install.sh, CI's. */
import assert from "node:assert/strict";
import { findProgram } from "../../lib/sys/host.ts";
import { withProcesses } from "../support/with_processes.ts";

const root = new URL("../../", import.meta.url).pathname;
const shellcheck = findProgram("shellcheck", root, Deno.env.get("PATH") ?? "");

/** Files under `folder` whose first line names a shell, relative to the repository. */
function scriptsIn(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return scriptsIn(path);
    return /^#!\/(bin\/|usr\/bin\/env )(ba)?sh\n/.test(Deno.readTextFileSync(root + path)) ? [path] : [];
  });
}

withProcesses.test({
  name: "shellcheck has nothing to say about our shell scripts",
  ignore: shellcheck === null,
  fn() {
    const scripts = ["lib", "scripts", ".ci", "tests/fixtures"].flatMap(scriptsIn);
    for (
      const known of [
        "lib/sys/process/guardian.sh",
        "scripts/build/header.sh",
        "scripts/install.sh",
        ".ci/run",
      ]
    ) {
      assert.ok(scripts.includes(known), known);
    }
    const { stdout } = new Deno.Command(shellcheck!, { args: scripts, cwd: root }).outputSync();
    assert.equal(new TextDecoder().decode(stdout), "");
  },
});
