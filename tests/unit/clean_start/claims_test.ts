import assert from "node:assert/strict";
import { Claims } from "../../../lib/clean_start/claims.ts";
import { neededPorts } from "../../../lib/clean_start/port_owner.ts";
import { LoaderError } from "../../../lib/errors.ts";
import { claimants } from "../../../lib/sys/process/claim.ts";
import { randomHex } from "../../../lib/sys/host.ts";
import { freePort } from "../../../lib/sys/net/ports.ts";
import { hygienePlan, rememberingLog } from "../../support/hygiene_plan.ts";
import { claimHolder, until } from "../../support/strangers.ts";
import { withProcesses } from "../../support/with_processes.ts";

const linux = { ignore: Deno.build.os !== "linux" };

/** Ports of these services, as the loader needs them. */
const needed = (services: Record<string, number>) =>
  neededPorts(
    hygienePlan(Object.fromEntries(Object.entries(services).map(([name, port]) => [name, { port }]))),
  );

withProcesses.test("R24: Claims takes all ports or none, and names who has them", linux, async () => {
  const [stt = 0, llm = 0, tts = 0] = [freePort(), freePort(), freePort()].sort((a, b) => a - b);
  await using owner = await claimHolder(`port/${llm}`);
  const log = rememberingLog();
  using claims = new Claims(log);
  assert.throws(() => claims.ports(needed({ tts, llm, stt })), (error) => {
    assert.ok(error instanceof LoaderError);
    assert.equal(error.code, "port_busy");
    assert.ok(
      error.message.startsWith(`port ${llm} (llm) belongs to the running alexa-loader pid ${owner.pid} (`),
      error.message,
    );
    assert.equal(error.hint, `stop it with \`kill ${owner.pid}\`, or give this one ports of its own`);
    return true;
  });
  // Not at once: a child of another test that is between fork and exec may have it open for a moment.
  for (const port of [stt, tts]) await until(() => claimants(`port/${port}`) === null);
  assert.deepEqual(log.lines, []);
});

Deno.test("Claims holds its ports and boots until it is disposed", linux, async () => {
  const [stt, llm] = [freePort(), freePort()];
  const boots = [randomHex(12), randomHex(12)];
  const claims = new Claims(rememberingLog());
  for (const boot of boots) claims.boot(boot);
  claims.boot(boots[0]!); // a boot may be named twice
  claims.ports(needed({ stt, llm }));
  const names = [...boots.map((boot) => `boot/${boot}`), `port/${stt}`, `port/${llm}`];
  for (const name of names) assert.ok(claimants(name)?.includes(Deno.pid), name);
  claims[Symbol.dispose]();
  for (const name of names) await until(() => claimants(name) === null);
});
