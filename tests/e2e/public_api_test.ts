/** The examples in the documentation are programs: this one runs, that one compiles. Spec: §12. */
import assert from "node:assert/strict";
import { TestHome } from "../support/loader_process.ts";

const root = new URL("../../", import.meta.url);

function example(file: string): string {
  const text = Deno.readTextFileSync(new URL(file, root)).replace(/^ \* ?/gm, "");
  return /```ts\n([\s\S]*?)```/.exec(text)![1]!;
}

async function deno(home: TestHome, args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root.pathname,
    clearEnv: true,
    env: { ...home.environment(), ALEXA_DEMO_SPEED: "10" },
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("the example of lib/mod.ts boots the demo from another Deno program, and leaves nothing", async () => {
  await using home = new TestHome();
  const code = example("lib/mod.ts").replace(
    `"alexa-loader"`,
    JSON.stringify(new URL("lib/mod.ts", root).href),
  );
  const program = home.write("example.ts", code);
  const run = await deno(home, [
    "run",
    "-A",
    "--unstable-net",
    "--no-check",
    "--config",
    `${root.pathname}deno.json`,
    program,
  ]);
  assert.equal(run.code, 0, run.out + run.err);
  assert.match(run.out, /SYSTEM_READY: total_boot/);
  assert.match(run.out, /"wake word": true/);
  assert.match(run.out, /TTS +INFO = Restarting \(requested\)/);
  assert.match(run.out, /\d+ GPUs/);
  assert.match(run.out, /Shutdown complete/);
  await home.assertNothingLeft([]);
});

Deno.test("the example of the README type-checks", async () => {
  await using home = new TestHome();
  const code = example("README.md").replace(
    `"./lib/mod.ts"`,
    JSON.stringify(new URL("lib/mod.ts", root).href),
  );
  const program = home.write("readme.ts", code);
  const run = await deno(home, ["check", "--config", `${root.pathname}deno.json`, program]);
  assert.equal(run.code, 0, run.err);
});
