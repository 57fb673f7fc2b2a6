/**
 * `deno task bench:start [FILE]`: how long the built file takes to start, beside a bare Deno hello in the same run, and
 * what it weighs beside its runtime. Exits 1 when a limit of the README is exceeded.
 */
import { percentile } from "../../lib/metrics/figures.ts";
import { build } from "../build.ts";
import { bundle } from "../build/bundle.ts";
import { buildStamp, root } from "../build/info.ts";

const rounds = 25;
const limits = {
  payloadMb: 2,
  firstStartMs: 2000,
  /** `--version`, as a multiple of the bare hello. */
  startRatio: { compiled: 1.5, "self-extracting": 2.5 },
};

const file = Deno.args[0] ?? `${root}dist/alexa-loader`;
if (Deno.args.length === 0) {
  await build(
    { target: Deno.build.target, kind: null, runtime: null, output: file, fast: false },
    console.error,
  );
}

const folder = Deno.makeTempDirSync({ prefix: "alexa-loader-bench-" });
try {
  Deno.writeTextFileSync(`${folder}/hello.js`, `console.log("hello");`);
  const env = { HOME: folder, PATH: "/usr/bin:/bin", TMPDIR: folder };
  const time = (command: string, ...args: string[]) => {
    const before = performance.now();
    const { success, stdout } = new Deno.Command(command, { args, env, clearEnv: true }).outputSync();
    if (!success) throw new Error(`${command} failed`);
    return { ms: performance.now() - before, text: new TextDecoder().decode(stdout) };
  };
  const firstStarts: number[] = [];
  for (let round = 0; round < 3; round++) {
    await Deno.remove(`${folder}/.cache`, { recursive: true }).catch(() => {}); // not there before the first
    firstStarts.push(time(file, "--version").ms);
  }
  const { kind } = JSON.parse(time(file, "--version", "--json").text) as {
    kind: keyof typeof limits.startRatio;
  };
  const hello: number[] = [], version: number[] = [];
  for (let round = 0; round < rounds; round++) { // in turns, so that a busy moment meets both
    hello.push(time(Deno.execPath(), "run", `${folder}/hello.js`).ms);
    version.push(time(file, "--version").ms);
  }
  const payload = (await bundle(buildStamp())).reduce((sum, { bytes }) => sum + bytes.length, 0) / 1e6;
  const ratio = median(version) / median(hello);
  const rows: [string, string, boolean][] = [
    ["kind", kind, true],
    ["file", `${(Deno.statSync(file).size / 1e6).toFixed(1)} MB`, true],
    ["payload beside the runtime", `${payload.toFixed(2)} MB`, payload < limits.payloadMb],
    ["first start (median of 3)", ms(median(firstStarts)), median(firstStarts) < limits.firstStartMs],
    [`bare hello (median of ${rounds}, least)`, `${ms(median(hello))}, ${ms(Math.min(...hello))}`, true],
    [`--version (median of ${rounds}, least)`, `${ms(median(version))}, ${ms(Math.min(...version))}`, true],
    ["--version / hello", `${ratio.toFixed(2)}x`, ratio <= limits.startRatio[kind]],
  ];
  for (const [name, value, ok] of rows) console.log(`${name.padEnd(34)} ${value}${ok ? "" : "  TOO MUCH"}`);
  if (!rows.every(([, , ok]) => ok)) Deno.exitCode = 1;
} finally {
  Deno.removeSync(folder, { recursive: true });
}

function median(values: readonly number[]): number {
  return percentile(values, 50)!;
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
