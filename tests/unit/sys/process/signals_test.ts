import assert from "node:assert/strict";
import { TextLineStream } from "../../../support/peers/text_lines.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const child = new URL("../../../support/deaf_child.ts", import.meta.url).pathname;

withProcesses.test("R19: a program that hears no second signal is ended by it all the same, with 130", async () => {
  const run = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", child],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const lines: string[] = [];
  for await (const line of run.stdout.pipeThrough(new TextLineStream())) {
    lines.push(line);
    if (line === "here") run.kill("SIGTERM");
    if (line !== "stop") continue;
    run.kill("SIGTERM"); // within a second: the same request
    await new Promise((resolve) => setTimeout(resolve, 1100));
    run.kill("SIGINT");
  }
  assert.deepEqual(lines, ["here", "stop", "kill"]);
  assert.equal((await run.status).code, 130);
});
