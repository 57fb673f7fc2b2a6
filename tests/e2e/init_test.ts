/** `init`: the starter boots as it is written, and nothing is ever overwritten. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, runLoader, TestHome } from "../support/loader_process.ts";
import { withoutPython } from "../unit/demo/python.ts";

for (const args of [[], ["--from", "demo"]]) {
  Deno.test({
    name: `init ${args.join(" ")} writes a starter that passes check and boots`,
    ignore: withoutPython,
    async fn() {
      await using home = new TestHome();
      const config = `${home.dir}/conf/my.yaml`;
      const first = await runLoader(home, ["init", ...args, "--config", config], { cwd: home.dir });
      assert.equal(first.code, 0, first.err);
      assert.equal(first.out.match(/^wrote/gm)?.length, 3, first.out);

      const ports: number[] = [];
      const moved = Deno.readTextFileSync(config).replace(/\b500[1-5]\b/g, (port) => {
        const at = Number(port) - 5001;
        return String(ports[at] ??= lowPort());
      });
      Deno.writeTextFileSync(config, moved);
      const again = await runLoader(home, ["init", ...args, "--config", config], { cwd: home.dir });
      assert.equal(again.code, 0);
      assert.match(again.out, /Nothing written/);
      assert.equal(Deno.readTextFileSync(config), moved, "a file that is there is kept");

      const check = await runLoader(home, ["check", "--config", config]);
      assert.equal(check.code, 0, check.err);
      await using loader = new LoaderProcess(home, ["up", "--config", config], {
        env: { ALEXA_DEMO_SPEED: "5" },
      });
      await loader.waitLine(/READY FOR WAKE WORD/);
      assert.equal(await loader.interrupt(), 0, loader.log);
      await home.assertNothingLeft(ports.filter((port) => port > 0), loader.pid);
    },
  });
}

Deno.test("P12: init beside the specification's configuration says that it cannot start, and what to do", async () => {
  await using home = new TestHome();
  Deno.mkdirSync(`${home.dir}/config`);
  const specification = new URL("../../config/loader.yaml", import.meta.url);
  Deno.copyFileSync(specification, `${home.dir}/config/loader.yaml`);
  const { code, out, err } = await runLoader(home, ["init"], { cwd: home.dir });
  assert.equal(code, 0, err);
  assert.match(out, /^kept {3}config\/loader\.yaml/m);
  assert.match(
    out,
    /config\/loader\.yaml is another configuration than the starter's, and up would not start it:/,
  );
  assert.match(out, /^ {2}llm: the .* is not there$/m);
  const [, next] = /Next: `alexa-loader (.*)` writes the starter/.exec(out) ?? [];
  assert.equal(next, "init --config my/config/loader.yaml", out);

  const again = await runLoader(home, next.split(" "), { cwd: home.dir });
  assert.equal(again.out.match(/^wrote/gm)?.length, 3, again.out);
  if (withoutPython) return;
  const check = await runLoader(home, ["check", "--config", "my/config/loader.yaml"], { cwd: home.dir });
  assert.equal(check.code, 0, check.err);
  assert.ok(!/WARNING/.test(check.out), check.out);
});
