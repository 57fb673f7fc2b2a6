import assert from "node:assert/strict";
import { lowPort, until } from "../support/loader_process.ts";
import { withProcesses } from "../support/with_processes.ts";

/** Draws the same numbers again, to the last digit. */
function sameDraws(): () => number {
  let n = 0;
  return () => (n = (n * 16_807 + 4_321) % 2_147_483_647) / 2_147_483_647;
}

/** Another run of the tests: takes three ports, writes them to a file and lives on. */
const other = `
  import { lowPort } from "${new URL("../support/loader_process.ts", import.meta.url)}";
  let n = 0;
  const random = () => (n = (n * 16_807 + 4_321) % 2_147_483_647) / 2_147_483_647;
  Deno.writeTextFileSync(Deno.args[0], JSON.stringify([lowPort(random), lowPort(random), lowPort(random)]));
  setInterval(() => {}, 60_000);
`;

withProcesses.test("Q3: lowPort() gives a port to one test only, also of another run or file that draws the same", async () => {
  const dir = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${dir}/other.ts`, other);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-net", "--no-check", "--quiet", `${dir}/other.ts`, `${dir}/ports`],
  }).spawn();
  try {
    const theirs = await until("the other's ports", () => {
      try {
        return JSON.parse(Deno.readTextFileSync(`${dir}/ports`)) as number[];
      } catch {
        return null;
      }
    });
    const random = sameDraws();
    const ours = [lowPort(random), lowPort(random), lowPort(random)];
    assert.deepEqual(ours.filter((port) => theirs.includes(port)), []);
    const again = lowPort(sameDraws());
    assert.ok(![...ours, ...theirs].includes(again), "given twice in one process");
  } finally {
    child.kill("SIGKILL");
    await child.status;
    Deno.removeSync(dir, { recursive: true });
  }
});
