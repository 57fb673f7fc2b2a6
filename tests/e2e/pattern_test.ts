/** A pattern of the configuration meets what a service prints. Spec: §6; CONTRACT §2. */
import assert from "node:assert/strict";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";

function configOf(home: TestHome, pattern: string): string {
  return home.write(
    "loader.yaml",
    JSON.stringify({
      loader: { startup_sequence: ["stt"], shutdown_sequence: ["stt"] },
      services: {
        stt: {
          cmd: ["sh", "-c", `echo ${"a".repeat(45)}!; echo printed; exec sleep 80`],
          readiness: { type: "log", pattern },
          warmup: { kind: "none" },
        },
      },
    }),
  );
}

Deno.test("R9: a pattern with catastrophic backtracking does not stop the loader", async () => {
  await using home = new TestHome();
  await using loader = new LoaderProcess(home, ["up", "--config", configOf(home, "(a+)+$")]);
  await loader.waitLine(/^STT .*printed/);
  assert.equal(await loader.interrupt(), 0);
  await home.assertNothingLeft([], loader.pid);
});

Deno.test("R9: a pattern that cannot be matched in bounded time is refused with its place", async () => {
  await using home = new TestHome();
  const { code, err } = await runLoader(home, ["check", "--config", configOf(home, "printed(?=$)")]);
  assert.equal(code, 2, err);
  assert.match(err, /loader\.yaml:1:\d+: stt: cannot be matched in bounded time: .*`\(\?=`/);
  assert.match(err, /without lookaround and back references/);
});

Deno.test("a line that was printed at once is seen, although the pattern is made meanwhile", async () => {
  await using home = new TestHome();
  await using loader = new LoaderProcess(home, ["up", "--config", configOf(home, "^print")]);
  await loader.waitLine(/SYSTEM_READY/);
  assert.equal(await loader.interrupt(), 0);
});
