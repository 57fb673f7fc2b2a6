/** From crash to respawn, and what 200 crashes leave behind in the loader: nothing. Spec: §6. */
import assert from "node:assert/strict";
import { drawPorts, python, usual, writeConfig } from "../chaos/assistant.ts";
import { leadersOf, serviceProcesses } from "../chaos/look.ts";
import { kill, LoaderProcess, TestHome, until } from "../support/loader_process.ts";

const crashes = 200;
/** Before that the engine's own tables grow: they are not what is looked for. */
const warmUp = 40;
/** Generous, for a machine that others use: ALEXA_MEASURE=1 prints the figure, and holds it to what is promised. */
const measure = Deno.env.get("ALEXA_MEASURE") !== undefined;
const medianLimitMs = measure ? 20 : 250;

Deno.test({
  name: `a crashed service is respawned at once, and ${crashes} crashes leak nothing`,
  ignore: python === null,
  async fn() {
    await using home = new TestHome();
    const settings = { ...usual, backoffSec: 0, maxRestarts: 10_000 };
    const config = writeConfig(home, drawPorts(), settings);
    // An engine that is told to keep its heap small shows what stays, not what it has not got round to collecting.
    const env = { DENO_V8_FLAGS: "--optimize-for-size,--max-semi-space-size=1" };
    await using loader = new LoaderProcess(home, ["up", "--config", config], { env });
    await loader.waitLine(/READY FOR WAKE WORD/);

    await crash(home, loader, warmUp);
    const before = footprint(loader.pid);
    const times = await crash(home, loader, crashes);
    const isBack = ({ fds, threads }: Footprint) => fds <= before.fds + 2 && threads <= before.threads + 2;
    await until(
      "as many descriptors and threads as before",
      () => isBack(footprint(loader.pid)),
      () => JSON.stringify({ before, after: footprint(loader.pid) }),
    );
    const after = footprint(loader.pid);

    const sorted = times.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)]!, p95 = sorted[Math.floor(sorted.length * 0.95)]!;
    if (measure) {
      console.log(`respawn: median ${median.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`, { before, after });
    }
    assert.ok(after.rssMib < before.rssMib + 24, `memory: ${before.rssMib} MiB, then ${after.rssMib} MiB`);
    // Others may use the machine: the best fifty in a row say what the program itself needs.
    const best = Math.min(...windows(times, 50).map(medianOf));
    assert.ok(best <= medianLimitMs, `median ${best.toFixed(1)} ms from crash to respawn`);
    assert.equal(await loader.interrupt(), 0, loader.log);
  },
});

/** Kills the LLM `n` times as soon as it is up again; ms from each kill to the line that tells of the next copy. */
async function crash(home: TestHome, loader: LoaderProcess, n: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < n; i++) {
    const { pid } = leadersOf(serviceProcesses(home.mark)).find((p) => p.service === "llm")!;
    const from = loader.lines.length;
    const lineAfter = async (pattern: RegExp, limitMs?: number) =>
      await until(
        `line ${pattern}`,
        () => loader.lines.slice(from).find((l) => l.tag === "LLM" && pattern.test(l.message)),
        () => loader.log.slice(-2000),
        limitMs,
      );
    const killedAt = performance.now();
    kill(pid, "SIGKILL");
    times.push((await lineAfter(/^Starting/)).at - killedAt);
    await lineAfter(/^Warmed/);
  }
  return times;
}

interface Footprint {
  fds: number;
  threads: number;
  rssMib: number;
}

function footprint(pid: number): Footprint {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
  return {
    fds: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    threads: field("Threads"),
    rssMib: Math.round(field("VmRSS") / 1024),
  };
}

function windows(times: readonly number[], size: number): number[][] {
  return Array.from(
    { length: Math.floor(times.length / size) },
    (_, i) => times.slice(i * size, (i + 1) * size),
  );
}

function medianOf(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}
