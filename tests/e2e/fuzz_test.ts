/**
 * The real program with damaged files: a configuration ends with exit 0 or 2, a state file or a history that does not read
 * with a warning and a fresh start; never a crash, never a signal to anybody. The many mutations run in process, in tests/property
 * (CONFIG_MUTATIONS, STATE_MUTATIONS, ALEXA_FUZZ_RUNS); here are a few through the whole program. Spec: §3, §13.
 */
import assert from "node:assert/strict";
import { drawPorts, python, usual, writeConfig } from "../chaos/assistant.ts";
import { Prng } from "../chaos/prng.ts";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { bystander } from "../support/strangers.ts";
import { readStat } from "../../lib/sys/process/procfs.ts";

const files = Number(Deno.env.get("ALEXA_FUZZ_FILES") ?? 12);
const seed = Number(Deno.env.get("ALEXA_FUZZ_SEED") ?? 1);
const crashed = /internal error|Uncaught|panicked|at file:\/\//;

Deno.test(`check: ${files} damaged configurations (seed ${seed}) end with exit 0 or 2`, async () => {
  await using home = new TestHome();
  const whole = Deno.readTextFileSync(new URL("../../config/loader.yaml", import.meta.url));
  const rng = new Prng(seed);
  for (let i = 0; i < files; i++) {
    const path = `${home.dir}/loader.yaml`;
    Deno.writeFileSync(path, damage(new TextEncoder().encode(whole), rng));
    const { code, out, err } = await runLoader(home, ["check", "--config", path]);
    const seen = `file ${i} of seed ${seed}\n${out}\n${err}`;
    assert.ok(code === 0 || code === 2, `exit ${code}: ${seen}`);
    assert.doesNotMatch(out + err, crashed, seen);
    if (code === 2) assert.match(err, /error:|loader\.yaml:\d+/, seen);
  }
});

Deno.test({
  name: `up: damaged state and history files (seed ${seed}) cost a warning, and nobody gets a signal`,
  ignore: python === null,
  async fn() {
    await using home = new TestHome();
    const rng = new Prng(seed);
    const ports = drawPorts();
    const config = writeConfig(home, ports, usual);
    const dir = `${home.state}/alexa-loader/c`;
    await using innocent = bystander();
    const boot = async (): Promise<LoaderProcess> => {
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      await loader.waitLine(/READY FOR WAKE WORD/);
      assert.equal(await loader.interrupt(), 0, loader.log);
      assert.doesNotMatch(loader.log, crashed, loader.log);
      await home.assertNothingLeft(Object.values(ports), loader.pid);
      return loader;
    };
    await boot();
    const history = Deno.readFileSync(`${dir}/boots.jsonl`);
    // A record that names the bystander as everybody's leader, with a start time that is not its own.
    const state = new TextEncoder().encode(accusing(innocent.pid, readStat(innocent.pid)!.startTime + 1));
    const damaged = { state: false, history: false };
    for (const bytes of [state, damage(state, rng), damage(state, rng), state.slice(0, -9)]) {
      const past = damage(history, rng);
      Deno.writeFileSync(`${dir}/state.json`, bytes, { mode: 0o600 });
      Deno.writeFileSync(`${dir}/boots.jsonl`, past);
      const loader = await boot();
      assert.ok(innocent.alive, text(bytes));
      const warned = (file: string) =>
        loader.messages("LOADER", "WARNING").filter((message) => message.includes(`${dir}/${file}`)).length;
      // Some damage leaves a file that reads: what matters then is only that nobody is harmed.
      if (!isJson(text(bytes))) assert.equal(warned("state.json"), 1, `${text(bytes)}\n${loader.log}`);
      const lines = text(past).split("\n").filter((line) => line !== "");
      const whole = text(history).trimEnd();
      const skipped = lines.some((line) => line !== whole);
      assert.equal(warned("boots.jsonl"), skipped ? 1 : 0, `${text(past)}\n${loader.log}`);
      damaged.state ||= !isJson(text(bytes));
      damaged.history ||= skipped;
    }
    assert.deepEqual(damaged, { state: true, history: true }, "this seed shows nothing");
  },
});

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function accusing(pid: number, startTime: number): string {
  const machine = Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  const record = {
    pid,
    start_time: startTime,
    pgid: pid,
    boot: "feedfacefeedface",
    spawned_at: "2026-01-01T00:00:00.000Z",
    port: null,
    digest: null,
    ready: false,
  };
  return JSON.stringify({
    format: 1,
    boot: "feedfacefeedface",
    machine_boot: machine,
    loader: { pid: 4_000_000, start_time: 1 },
    on_loader_death: "stop",
    services: { kwd: record, stt: record, llm: record, tts: record },
  });
}

/** A few bytes changed, a piece cut out or doubled, or the end lost. */
function damage(bytes: Uint8Array, rng: Prng): Uint8Array {
  const at = rng.int(0, bytes.length - 1), size = rng.int(1, 200);
  switch (rng.int(0, 3)) {
    case 0: {
      const changed = bytes.slice();
      for (let i = rng.int(1, 8); i > 0; i--) changed[rng.int(0, bytes.length - 1)] = rng.int(0, 255);
      return changed;
    }
    case 1:
      return join(bytes.subarray(0, at), bytes.subarray(at + size));
    case 2:
      return join(bytes.subarray(0, at + size), bytes.subarray(at));
    default:
      return bytes.slice(0, at);
  }
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}
