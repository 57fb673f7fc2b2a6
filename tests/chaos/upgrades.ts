/** Upgrades in a row while services flood their output and die: what each of them must leave as it was. Spec: §4, §7. */
import assert from "node:assert/strict";
import { connectControl } from "../../lib/api/client.ts";
import { LoaderProcess, runLoader, type TestHome } from "../support/loader_process.ts";

const services = new URL("../fixtures/services/upgrade_storm.py", import.meta.url).pathname;

export interface UpgradeStormOptions {
  rounds: number;
  /** Command-line words of one upgrade. */
  upgrade: readonly string[];
  /** A built file that is run instead of what all tests run. */
  program?: string;
  onRound?(round: number, gapMs: number): void;
}

export interface UpgradeStormReport {
  gapsMs: number[];
  lines: number;
  deaths: number;
  /** Questions on the control socket meanwhile: answered, and broken off. */
  answered: number;
  broken: number;
}

/** The configuration wants it. */
export const noteVariable = "UPGRADE_NOTE";

/** A configuration with a flood, one that dies again and again, and one that is calm. */
export function stormConfig(home: TestHome, python: string, rateMb: number): string {
  const service = (mode: string, ...more: string[]) => ({
    cmd: [python, "-I", "-S", services, mode, home.dir, ...more],
    readiness: { type: "log", pattern: mode === "flood" ? "^#" : "born" },
    warmup: { kind: "none" },
  });
  return home.write(
    "loader.yaml",
    JSON.stringify({
      loader: {
        name: "t",
        startup_sequence: ["calm", "flood", "dying"],
        shutdown_sequence: ["dying", "flood", "calm"],
        restart_policy: { type: "always", max_restarts: 10_000, backoff: { initial_sec: 0 } },
        log: { rotate_mb: 10_240, child_output: false },
      },
      services: {
        calm: { ...service("calm"), env: { NOTE: `\${${noteVariable}}` } },
        flood: service("flood", String(rateMb)),
        dying: service("dying"),
      },
    }),
  );
}

export async function upgradeStorm(
  home: TestHome,
  config: string,
  o: UpgradeStormOptions,
): Promise<UpgradeStormReport> {
  const run = { env, ...(o.program === undefined ? {} : { program: o.program }) };
  await using loader = new LoaderProcess(home, ["up", "--config", config], run);
  await loader.waitLine(/SYSTEM_READY:/);
  const asked = askAgainAndAgain(home);
  const before = await statusOf(home, config);
  const gapsMs: number[] = [];
  for (let round = 1; round <= o.rounds; round++) {
    const { code, out, err } = await runLoader(home, [...o.upgrade, "--json", "--config", config], run);
    assert.equal(code, 0, `round ${round}: ${out}${err}\n${loader.log.slice(-3000)}`);
    const { gap_ms: gap, services, returned } = JSON.parse(out);
    assert.deepEqual({ services, returned }, { services: 3, returned: null });
    gapsMs.push(gap);
    o.onRound?.(round, gap);
  }
  const after = await statusOf(home, config);
  assert.equal(after.pid, loader.pid, "one pid");
  assert.equal(after.boot, before.boot);
  for (const name of ["flood", "calm"] as const) {
    assert.deepEqual(after[name], before[name], `${name} goes on`);
  }
  const { answered, broken } = await asked.end();
  assert.equal(await loader.interrupt(), 0, loader.log.slice(-3000));
  assert.equal(loader.errors.join("\n"), "");
  const logs = home.logs();
  const last = Number(lines(`${home.dir}/flood.last`).at(-1));
  await assertNumbered(`${logs}/flood.log`, last);
  await assertNumbered(`${logs}/combined.log`, last);
  const deaths = lines(`${home.dir}/dying.codes`);
  const told = (path: string, pattern: RegExp) =>
    lines(path).flatMap((line) => pattern.exec(line)?.[1] ?? []);
  assert.deepEqual(
    told(`${logs}/dying.log`, / Exited with code (\d+) after /),
    deaths,
    "each true exit code",
  );
  assert.deepEqual(told(`${logs}/dying.log`, /= dying with (\d+)$/), deaths, "each last word");
  assert.deepEqual(lines(`${home.dir}/calm.unheard`), [], "every datagram had somebody to go to");
  await home.assertNothingLeft([], loader.pid);
  return { gapsMs, lines: last, deaths: deaths.length, answered, broken };
}

const env = { [noteVariable]: "x" };

interface Status {
  pid: number;
  boot: string;
  flood: { pid: number; restarts: number };
  calm: { pid: number; restarts: number };
}

async function statusOf(home: TestHome, config: string): Promise<Status> {
  const { out } = await runLoader(home, ["status", "--json", "--config", config], { env });
  const { pid, boot, services } = JSON.parse(out);
  const of = (name: string) => {
    const { pid, restarts } = services.find((s: { name: string }) => s.name === name);
    return { pid, restarts };
  };
  return { pid, boot, flood: of("flood"), calm: of("calm") };
}

/** Somebody who wants to know all the time: nobody may be refused. */
function askAgainAndAgain(home: TestHome) {
  const path = [...Deno.readDirSync(`${home.runtime}/alexa-loader`)]
    .map(({ name }) => `${home.runtime}/alexa-loader/${name}/control.sock`)[0]!;
  const client = connectControl(path);
  let answered = 0, broken = 0, over = false, saying = 0;
  const run = async () => {
    while (!over) {
      try {
        const { services } = await client.status();
        const says = Number(services.find(({ name }) => name === "calm")!.says);
        assert.ok(says >= saying, `STATUS=${says} after ${saying}`);
        saying = says;
        answered++;
      } catch (error) {
        if (/no loader is running/.test(String(error))) throw error;
        if (error instanceof assert.AssertionError) throw error;
        broken++;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const running = run();
  running.catch(() => {});
  return {
    async end() {
      over = true;
      await running;
      return { answered, broken };
    },
  };
}

function lines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").slice(0, -1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** The file has the lines `#1` to `#last` of the flood, each once, in order. */
export async function assertNumbered(path: string, last: number): Promise<void> {
  const decoder = new TextDecoder("latin1");
  let expected = 1, rest = "";
  using file = await Deno.open(path);
  for await (const chunk of file.readable) {
    const parts = (rest + decoder.decode(chunk)).split("\n");
    rest = parts.pop()!;
    for (const line of parts) {
      const at = line.indexOf("= #");
      if (at < 0) continue;
      const [number, text] = line.slice(at + 3).split(" ");
      if (Number(number) !== expected || text!.length !== expected % 150) {
        throw new Error(`${path}: line #${number} (${text!.length} bytes) where #${expected} belongs`);
      }
      expected++;
    }
  }
  assert.equal(expected - 1, last, path);
}
