import assert from "node:assert/strict";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import { keptOutput } from "../../../lib/services/kept_output.ts";
import { outputPaths } from "../../../lib/services/output_tail.ts";
import { hygienePlan } from "../../support/hygiene_plan.ts";

const options = {
  resolve: (argv: readonly string[]) => [...argv],
  warn: (message: string) => assert.fail(message),
};

Deno.test("A05: keptOutput() undoes the batch that a dead loader had begun", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const plan = hygienePlan({ llm: { port: 5003 } });
    plan.dirs = { state: dir, log: dir, runtime: dir };
    const { record, logs } = outputPaths(dir, dir, "llm", plan.log.combined);
    assert.equal(logs.length, 2);
    for (const path of logs) Deno.writeTextFileSync(path, "before\nhalf of the bat");
    const begun = logs.map((path) => [path, Deno.statSync(path).ino, "before\n".length]);
    Deno.writeTextFileSync(record, JSON.stringify({ pid: 4711, startTime: 5, offset: 0, begun }));
    keptOutput(plan, options);
    for (const path of logs) assert.equal(Deno.readTextFileSync(path), "before\n");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("R10: the digest of a service tells what it is started with, and nothing else", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const program = (folder: string) => {
      Deno.mkdirSync(`${dir}/${folder}`);
      Deno.writeTextFileSync(`${dir}/${folder}/llm-server`, "", { mode: 0o755 });
      return `${dir}/${folder}`;
    };
    const PATH = program("a");
    const plan = hygienePlan({ llm: { port: 5003 } });
    plan.dirs = { state: dir, log: dir, runtime: dir };
    const keep = keptOutput(plan, options);
    const service: ServicePlan = {
      ...plan.services[0]!,
      argv: ["llm-server", "--model", "small"],
      env: { PATH, ALEXA_MODEL: "small" },
    };
    const digest = (changes: Partial<ServicePlan> = {}) => keep.digest({ ...service, ...changes });
    const same = digest();
    assert.match(same, /^[0-9a-f]{64}$/);
    assert.equal(digest({ env: { ALEXA_MODEL: "small", PATH } }), same, "the order says nothing");
    assert.equal(
      digest({ graceMs: 1, stopSignal: "SIGINT", readiness: [] }),
      same,
      "what only concerns us neither",
    );

    const others: Partial<ServicePlan>[] = [
      { argv: ["llm-server", "--model", "large"] },
      { argv: ["llm-server", "small"] },
      { argv: ["llm-server", "--model small"] },
      { env: { PATH } },
      { env: { PATH, ALEXA_MODEL: "large" } },
      { env: { PATH: program("b"), ALEXA_MODEL: "small" } },
      { workdir: dir },
      { bindPort: 5004 },
    ];
    const digests = [same, ...others.map(digest)];
    assert.equal(new Set(digests).size, digests.length, digests.join("\n"));

    // The same words find another program now.
    Deno.removeSync(`${PATH}/llm-server`);
    assert.notEqual(digest(), same);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
