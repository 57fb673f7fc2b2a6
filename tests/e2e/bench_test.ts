/** The benchmark itself: its figures come from real processes, or it says why there are none. Spec: §9, §11. */
import assert from "node:assert/strict";
import { hasCompiler } from "../support/compiler.ts";

const script = new URL("../../scripts/bench.ts", import.meta.url).pathname;

async function bench(...args: string[]): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-net", script, ...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test({
  name:
    "scripts/bench.ts measures a start and an overlapping boot, also beside another (needs a C compiler: apt-get install gcc libc6-dev)",
  ignore: !hasCompiler,
  async fn() {
    const dir = Deno.makeTempDirSync();
    try {
      const measure = (json: string) => bench("--only", "start,overlap", "--runs", "1", "--json", json);
      const paths = [`${dir}/one.json`, `${dir}/other.json`];
      for (const [i, { code, text }] of (await Promise.all(paths.map(measure))).entries()) {
        assert.equal(code, 0, text);
        const { runs, figures } = JSON.parse(Deno.readTextFileSync(paths[i]!));
        assert.equal(runs, 1);
        const wanted = ["floor_start", "overlap_of_critical_path", "overlap_of_sum", "program_start"];
        assert.deepEqual(Object.keys(figures).sort(), wanted);
        for (const [id, values] of Object.entries(figures) as [string, number[]][]) {
          assert.equal(values.length, 1);
          assert.ok(values[0]! > 0 && values[0]! < 60_000, `${id}: ${values[0]}`);
        }
        assert.match(text, /standby: boot \/ critical path +\d+\.\d\d x/);
      }
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  },
});

Deno.test({
  name: "scripts/bench.ts says what is done before the first service, or why a figure cannot be had",
  ignore: !hasCompiler,
  async fn() {
    const { code, text } = await bench("--only", "cold,explain", "--runs", "1");
    assert.equal(code, 0, text);
    assert.match(text, /commands, leftovers, ports, guardian, GPU +\d+\.\d ms/);
    assert.match(text, /cold page cache +\d+\.\d ms|unavailable: /);
  },
});

Deno.test("scripts/bench.ts refuses what it does not know, and teaches what it does", async () => {
  const wrong = await bench("--only", "boots");
  assert.equal(wrong.code, 1);
  assert.match(wrong.text, /^error: no experiment boots; there are start, boot, /m);
  const option = await bench("--run", "3");
  assert.equal(option.code, 1);
  assert.match(option.text, /^error: .*--run/m);
  assert.match((await bench("--help")).text, /relay-floor +the same lines/);
});
