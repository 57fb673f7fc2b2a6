import assert from "node:assert/strict";

const script = new URL("../../scripts/test.ts", import.meta.url).pathname;

/** Runs the test command on one file of these tests. */
async function runTests(text: string): Promise<{ code: number; lines: string[] }> {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/tiny_test.ts`, text);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", script, `${dir}/tiny_test.ts`],
      stdin: "null",
      stderr: "null",
    }).output();
    return { code, lines: new TextDecoder().decode(stdout).trimEnd().split("\n") };
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("scripts/test.ts closes with the real counts and names what was skipped", async () => {
  const { code, lines } = await runTests(`
    Deno.test("good", () => { console.log("ok | 99 passed | 99 failed"); });
    Deno.test("bad", () => { throw new Error("x"); });
    Deno.test({ name: "needs a GPU", ignore: true, fn() {} });
  `);
  assert.equal(lines.at(-1), "1 passed, 1 failed, 1 skipped");
  const skipped = lines.slice(lines.indexOf("Skipped:") + 1, -1).filter((line) => line);
  assert.equal(skipped.length, 1);
  assert.match(skipped[0], /^ {2}.*needs a GPU$/);
  assert.notEqual(code, 0);
});

Deno.test("scripts/test.ts ends with exit 0 when all pass", async () => {
  const { code, lines } = await runTests('Deno.test("a", () => {}); Deno.test("b", () => {});');
  assert.equal(lines.at(-1), "2 passed, 0 failed");
  assert.equal(code, 0);
});

Deno.test("scripts/test.ts never ends with exit 0 when a test file does not even load", async () => {
  const { code, lines } = await runTests('throw new Error("at the top");');
  assert.match(lines.at(-1)!, /^0 passed, 1 failed$/);
  assert.notEqual(code, 0);
});
