/** Only a built program keeps what it has read of a configuration. Spec: §3. */
import assert from "node:assert/strict";
import { bareMachine } from "../support/bare_machine.ts";
import { builtFile } from "../support/built.ts";

const config = (maxRestarts: number) => `
loader:
  startup_sequence: [stt]
  shutdown_sequence: [stt]
  restart_policy: { max_restarts: ${maxRestarts} }
services:
  stt:
    cmd: ["sleep", "\${STT_SLEEP}"]
    readiness: { type: tcp, host: 127.0.0.1, port: 9 }
`;

Deno.test("C10: a built program heeds each edit of its configuration, and each change of what it names", async () => {
  const file = await builtFile();
  using machine = bareMachine();
  const path = `${machine.folder}/loader.yaml`;
  const plan = async (sleep: string) => {
    machine.env.STT_SLEEP = sleep;
    const { code, stdout, stderr } = await machine.run(file, "plan", "--config", path, "--json");
    assert.equal(code, 0, stderr);
    const [stt] = JSON.parse(stdout).services;
    return [stt.restart.maxRestarts, stt.argv];
  };
  Deno.writeTextFileSync(path, config(3));
  assert.deepEqual(await plan("5"), [3, ["sleep", "5"]]);
  assert.deepEqual(await plan("5"), [3, ["sleep", "5"]]);
  Deno.writeTextFileSync(path, config(7));
  assert.deepEqual(await plan("5"), [7, ["sleep", "5"]]);
  assert.deepEqual(await plan("6"), [7, ["sleep", "6"]]);
  Deno.writeTextFileSync(path, "loader: [");
  assert.equal((await machine.run(file, "check", "--config", path)).code, 2);
});
