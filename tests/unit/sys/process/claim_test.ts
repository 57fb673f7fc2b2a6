import assert from "node:assert/strict";
import { claim, claimants } from "../../../../lib/sys/process/claim.ts";
import { randomHex } from "../../../../lib/sys/host.ts";
import { claimHolder, until } from "../../../support/strangers.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const linux = { ignore: Deno.build.os !== "linux" };

/** Not at once: a child of another test that is between fork and exec may have it open for a moment. */
const isFree = (name: string) => until(() => claimants(name) === null);

Deno.test("claim() gives a name to one holder at a time", linux, async () => {
  const name = `test/${randomHex(12)}`;
  assert.equal(claimants(name), null);
  const first = claim(name)!;
  assert.ok(claimants(name)!.includes(Deno.pid));
  assert.equal(claim(name), null);
  using longer = claim(`${name}0`);
  assert.ok(longer, "a name is the whole name");
  first[Symbol.dispose]();
  await isFree(name);
  claim(name)![Symbol.dispose]();
});

withProcesses.test(
  "claim() ends with its holder, who is named until then, and is not inherited",
  linux,
  async () => {
    const name = `test/${randomHex(12)}`;
    await using holder = await claimHolder(name);
    assert.equal(claim(name), null);
    assert.deepEqual(claimants(name), [holder.pid]);
    Deno.kill(holder.pid, "SIGKILL");
    await holder[Symbol.asyncDispose]();
    await isFree(name);
    const taken = claim(name)!;
    const child = new Deno.Command("sleep", { args: ["300"] }).spawn();
    try {
      await until(() => claimants(name)!.join() === `${Deno.pid}`);
      taken[Symbol.dispose]();
      await isFree(name);
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
  },
);
