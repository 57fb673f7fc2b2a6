import assert from "node:assert/strict";
import { missingCommands, requireCommands } from "../../../lib/clean_start/commands.ts";
import { LoaderError } from "../../../lib/errors.ts";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import { servicePlan } from "../../support/fake_service.ts";
import { withProcesses } from "../../support/with_processes.ts";

/** A folder with a program, a file that may not be executed, a script and a Python package. */
async function inFolder(
  fn: (dir: string, missing: (patch: Partial<ServicePlan>) => Promise<string[]>) => Promise<void>,
) {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${dir}/services`);
    Deno.writeTextFileSync(`${dir}/services/kwd.py`, "");
    Deno.writeTextFileSync(`${dir}/program`, "#!/bin/sh\n", { mode: 0o755 });
    Deno.writeTextFileSync(`${dir}/plain`, "#!/bin/sh\n", { mode: 0o644 });
    await fn(dir, async (patch) => {
      const plan = { services: [servicePlan("kwd", { workdir: dir, ...patch })] };
      const found = await missingCommands(plan, facts);
      return found.map(({ what }) => what);
    });
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}
const facts = {
  resolve: (argv: readonly string[]) => argv[0] === "@demo" ? ["sh", ...argv.slice(1)] : [...argv],
  env: { PATH: Deno.env.get("PATH")! },
};

Deno.test("missingCommands() looks for programs as a shell does", async () => {
  await inFolder(async (dir, missing) => {
    for (const program of ["sh", "./program", `${dir}/program`, "@demo"]) {
      assert.deepEqual(await missing({ argv: [program] }), [], program);
    }
    for (const program of ["no-such-program", "./none", `${dir}/plain`, `${dir}/services`]) {
      assert.deepEqual(await missing({ argv: [program] }), [`the command ${JSON.stringify(program)}`]);
    }
    assert.deepEqual(await missing({ argv: ["program"], env: { PATH: dir } }), [], "its own PATH counts");
    assert.deepEqual(await missing({ argv: ["sh"], env: { PATH: dir } }), ['the command "sh"']);
    assert.deepEqual(await missing({ argv: [], manage: "external" }), [], "nobody starts an external one");
  });
});

withProcesses.test("missingCommands() knows whether what Python is to run is there", async () => {
  await inFolder(async (_dir, missing) => {
    for (
      const args of [
        ["-m", "services.kwd"],
        ["-m", "json.tool"],
        ["services/kwd.py"],
        ["-X", "dev", "-u", "services/kwd.py"],
        ["-c", "import nothing"],
      ]
    ) assert.deepEqual(await missing({ argv: ["python3", ...args] }), [], args.join(" "));
    assert.deepEqual(await missing({ argv: ["python3", "-m", "no_such_module_7.x"] }), [
      'the Python module "no_such_module_7.x"',
    ]);
    assert.deepEqual(
      await missing({ argv: ["python3", "-m", "services.none"] }),
      ['the Python module "services.none"'],
      "P12: a package of the folder does not stand for all of its modules",
    );
    assert.deepEqual(await missing({ argv: ["python3", "none.py"] }), ['the script "none.py"']);
  });
});

Deno.test("requireCommands() names all that is missing at once, with exit 3", async () => {
  const services = ["kwd", "stt", "tts"].map((name) =>
    servicePlan(name, { argv: [name === "stt" ? "sh" : `/no/${name}`] })
  );
  const plan = { services };
  await assert.rejects(() => requireCommands(plan, facts), (error) => {
    assert.ok(error instanceof LoaderError);
    assert.equal(error.exitCode, 3);
    assert.match(error.message, /kwd.*"\/no\/kwd".*tts.*"\/no\/tts"/);
    assert.ok(!error.message.includes("stt"));
    assert.match(error.hint ?? "", /demo.*init/);
    return true;
  });
});
