import assert from "node:assert/strict";
import { withProcesses } from "../../../support/with_processes.ts";

const child = new URL("../../../support/reaper_child.ts", import.meta.url).pathname;
const ignore = Deno.build.os !== "linux";

/** The subreaper and reaping concern the whole process, so each check has one of its own. */
async function inOwnProcess(scenario: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", "--unstable-net", child, scenario],
    stdin: "null",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

withProcesses.test({
  name: "becomeSubreaper() lets a service's daemonised grandchild be found and stopped",
  ignore,
  async fn() {
    assert.deepEqual(await inOwnProcess("daemon"), {
      subreaper: true,
      outside: true,
      found: true,
      left: [],
      killed: false,
      gone: true,
    });
  },
});

withProcesses.test({
  name: "ServiceProcess.living() finds the group of a leader that has ended",
  ignore,
  async fn() {
    assert.deepEqual(await inOwnProcess("leaderless"), { running: false, found: true, gone: true });
  },
});

withProcesses.test({
  name: "reapInherited() reaps the zombies of inherited children",
  ignore,
  async fn() {
    assert.deepEqual(await inOwnProcess("zombies"), { living: 3, left: 0 });
  },
});

withProcesses.test({
  name: "reapInherited() leaves the children of an embedding program to it",
  ignore,
  async fn() {
    assert.deepEqual(await inOwnProcess("embedder"), { codes: Array.from({ length: 20 }, (_, i) => i) });
  },
});

withProcesses.test({
  name: "ManagedService.start() clears a dead standby away before it spawns",
  ignore,
  async fn() {
    assert.deepEqual(await inOwnProcess("standby"), {
      untold: true,
      fresh: true,
      helperGone: true,
      problem: "ended before it was prepared (SIGKILL)",
    });
  },
});
