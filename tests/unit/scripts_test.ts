import assert from "node:assert/strict";
import { isGone, readStat } from "../../lib/sys/process/procfs.ts";
import { until } from "../support/loader_process.ts";
import { withProcesses } from "../support/with_processes.ts";

const script = new URL("../../scripts/test.ts", import.meta.url).pathname;

/** Runs the test command on one file of these tests. */
async function runTests(
  text: string,
  env: Record<string, string> = {},
): Promise<{ code: number; lines: string[] }> {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/tiny_test.ts`, text);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", script, `${dir}/tiny_test.ts`],
      env,
      stdin: "null",
      stderr: "null",
    }).output();
    return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

withProcesses.test("scripts/test.ts closes with the real counts and names what was skipped", async () => {
  const { code, lines } = await runTests(`
    Deno.test("good", () => { console.log("ok | 99 passed | 99 failed"); });
    Deno.test("bad", () => { throw new Error("x"); });
    Deno.test({ name: "needs a GPU", ignore: true, fn() {} });
  `);
  assert.equal(lines.at(-1), "1 passed, 1 failed, 1 skipped");
  const skipped = lines.slice(lines.indexOf("Skipped:") + 1, -1).filter((line) => line);
  assert.equal(skipped.length, 1);
  assert.match(skipped[0]!, /^ {2}.*needs a GPU$/);
  assert.notEqual(code, 0);
});

withProcesses.test("scripts/test.ts ends with exit 0 when all pass", async () => {
  const { code, lines } = await runTests('Deno.test("a", () => {}); Deno.test("b", () => {});');
  assert.equal(lines.at(-1), "2 passed, 0 failed");
  assert.equal(code, 0);
});

withProcesses.test("scripts/test.ts never ends with exit 0 when a test file does not even load", async () => {
  const { code, lines } = await runTests('throw new Error("at the top");');
  assert.match(lines.at(-1)!, /^0 passed, 1 failed$/);
  assert.notEqual(code, 0);
});

withProcesses.test("scripts/test.ts fails a test that hangs, with its name and place, and goes on with the next", async () => {
  const { code, lines } = await runTests(
    `
    Deno.test("waits for ever", () => new Promise(() => setInterval(() => {}, 1000)));
    Deno.test({ name: "never gives its event loop back", fn() { for (;;); } });
    Deno.test("has a limit of its own", { timeout: 60_000 }, () => new Promise((r) => setTimeout(r, 1500)));
    Deno.test(function quick() {});
  `,
    { TEST_LIMIT_SEC: "1" },
  );
  assert.equal(lines.at(-1), "2 passed, 2 failed");
  const failures = lines.slice(lines.lastIndexOf(" FAILURES ") + 1).filter((line) => line.includes("=>"));
  assert.equal(failures.length, 2);
  assert.match(failures[0]!, /^waits for ever => .*tiny_test\.ts:2:\d+$/);
  assert.match(failures[1]!, /^never gives its event loop back => .*tiny_test\.ts:3:\d+$/);
  assert.notEqual(code, 0);
});

withProcesses.test("scripts/test.ts tells a failure, and what failed while it was cleaned up", async () => {
  const { lines } = await runTests(`
    Deno.test("two faults", async () => {
      await using _ = { [Symbol.asyncDispose]: () => Promise.reject(new Error("the second")) };
      throw new Error("the first");
    });
  `);
  const told = lines.filter((line) => /^ +Error: the (first|second)$/.test(line)).map((line) => line.trim());
  assert.deepEqual(told, ["Error: the first", "Error: the second"]);
});

withProcesses.test("scripts/test.ts ends the run after its limit, and what the tests have started with it", async () => {
  const dir = Deno.makeTempDirSync();
  try {
    const { code, lines } = await runTests(
      `
      const { pid } = new Deno.Command("setsid", { args: ["sleep", "77"] }).spawn();
      Deno.writeTextFileSync("${dir}/pid", String(pid));
      for (;;);
    `,
      { TEST_RUN_LIMIT_SEC: "3" },
    );
    assert.equal(lines.at(-1), "0 passed, 1 failed");
    assert.ok(lines.includes("The run has not ended within 3 s."), lines.join("\n"));
    assert.notEqual(code, 0);
    const pid = Number(Deno.readTextFileSync(`${dir}/pid`));
    await until("the end of what it started", () => isGone(readStat(pid)));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

withProcesses.test("scripts/test.ts counts a step that is left out as skipped", async () => {
  const { lines } = await runTests(`
    Deno.test("in parts", async (t) => {
      await t.step("one", () => {});
      await t.step({ name: "needs a disk", ignore: true, fn() {} });
    });
    Deno.test({ name: "whole", ignore: true, fn() {} });
  `);
  assert.equal(lines.at(-1), "1 passed, 0 failed, 2 skipped");
});
