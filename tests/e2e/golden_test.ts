/** One boot's whole log, word for word, and its figures on disk. Spec: §7, §11; CONTRACT §9, §10. */
import assert from "node:assert/strict";
import { checkRecord } from "../../lib/metrics/record.ts";
import type { BootRecord } from "../../lib/model/boot_record.ts";
import type { LoaderStatus } from "../../lib/model/status.ts";
import { readStat } from "../../lib/sys/process/procfs.ts";
import { LoaderProcess, runLoader, TestHome } from "../support/loader_process.ts";
import { assistant, mask, roles } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** The kernel counts a process's start in ticks of 10 ms, rounded down. */
const msPerTick = 10;

/** CONTRACT §9's lines in the order of a boot, on a machine whose GPU, if any, is not used. */
const golden = `
LOADER   INFO = alexa-loader N, boot N, configuration …, logs in …
LOADER   INFO = PRECHECK: ports free, 4 services, …
KWD      INFO = Starting (pid N)
KWD      INFO = Ready in Ns
KWD      INFO = Warmed in Ns
STT      INFO = Starting (pid N)
STT      INFO = Ready in Ns
STT      INFO = Warmed in Ns (300 ms of speech)
LLM      INFO = Starting (pid N)
LLM      INFO = Ready in Ns
LLM      INFO = Warmed in Ns
TTS      INFO = Starting (pid N)
TTS      INFO = Ready in Ns
TTS      INFO = Warmed in Ns
LOADER   INFO = All services running (warm-ups complete); entering SYSTEM_READY
LOADER   INFO = SYSTEM_READY: total_boot=Ns
KWD      INFO = Received SYSTEM_READY; initiating post-boot greeting
TTS      INFO = Speaking greeting: "Hi Master. Ready to serve."
TTS      INFO = Greeting finished in Ns
KWD      INFO = Resume wake-word detection after Nms
KWD      INFO = Wake-word detection enabled (resume after 150 ms guard); READY FOR WAKE WORD
LOADER   INFO = Stopping (SIGINT): kwd, tts, llm, stt
KWD      INFO = Stopped in Ns (exit 0)
TTS      INFO = Stopped in Ns (exit 0)
LLM      INFO = Stopped in Ns (exit 0)
STT      INFO = Stopped in Ns (exit 0)
LOADER   INFO = VRAM at the end: …
LOADER   INFO = Shutdown complete
`.trim();

Deno.test({
  name: "a boot's log is CONTRACT §9's, on the console and in the files, and its figures are on disk",
  ignore: withoutPython,
  async fn() {
    await using home = new TestHome();
    const { config, ports } = assistant(home, {
      loader: { log: { child_output: false } },
      knobs: { tts: { speak_ms: 200 } },
    });
    let startedAt = 0;
    let status: LoaderStatus | null = null;
    const boot = async () => {
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      await loader.waitLine(/READY FOR WAKE WORD/);
      startedAt = readStat(loader.pid)!.startTime * msPerTick;
      status = JSON.parse((await runLoader(home, ["status", "--json", "--config", config])).out);
      assert.equal(await loader.interrupt(), 0, loader.log);
      return loader.lines.map((line) => line.text);
    };
    const lines = await boot();
    assert.equal(lines.map((line) => mask(line, ports)).join("\n"), golden);

    // The files: the same lines with a time stamp before each, all of them in one and each tag in its own.
    const logs = `${home.state}/alexa-loader/t/logs`;
    const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;
    const ours = (name: string) => {
      const text = Deno.readTextFileSync(`${logs}/${name}.log`).trimEnd().split("\n");
      for (const line of text) assert.match(line, stamp);
      return text.map((line) => line.replace(stamp, "")).filter((line) =>
        !/fixture is ready|INFO = speaking '/.test(line)
      );
    };
    assert.deepEqual(ours("combined"), lines);
    for (const tag of ["LOADER", "KWD", "STT", "LLM", "TTS"]) {
      assert.deepEqual(ours(tag.toLowerCase()), lines.filter((line) => line.startsWith(tag.padEnd(9))));
    }

    const raw = home.boots();
    assert.equal(raw.length, 1);
    const record = checkRecord(raw[0]);
    assert.ok(typeof record === "object", String(record));
    assert.equal(record.outcome, "ready");
    assert.deepEqual(record.services.map(({ name }) => name), [...roles]);
    for (const service of record.services) {
      assert.equal(service.outcome, "up");
      for (const figure of ["start_ms", "time_to_ready_ms", "warmup_ms"] as const) {
        assert.ok(service[figure]! > 0, `${service.name}.${figure}`);
      }
    }
    const sum = record.services.reduce((ms, s) => ms + s.time_to_ready_ms! + s.warmup_ms!, 0);
    assert.ok(record.total_boot_ms! > sum, "the boot's time is the program's, not only the services'");
    // S03: counted from the program's own start: a service that was warm before SYSTEM_READY says how long that is ago.
    const warm = home.stampsOf("tts").find(({ event }) => event === "warm")!.t / 1e6;
    assert.ok(record.total_boot_ms! >= warm - startedAt - msPerTick, `${record.total_boot_ms} ms`);
    // Q4: one figure, wherever it is told.
    for (const { name, time_to_ready_ms } of record.services) {
      assert.equal(status!.services.find((s) => s.name === name)!.ready_ms, time_to_ready_ms);
      const said = lines.find((line) => line.startsWith(name.toUpperCase()) && line.includes("Ready in "))!;
      const ms = 1000 * Number(/Ready in ([\d.]+)s/.exec(said)![1]);
      assert.ok(Math.abs(ms - time_to_ready_ms!) < (ms < 9990 ? 6 : 600), `${said}: ${time_to_ready_ms}`);
    }
    // What this boot had nothing of is said to be nothing, in the file itself.
    const { services, first_cuda_context_ms } = (raw as unknown as BootRecord[])[0]!;
    assert.deepEqual(services.map((service) => service.prepare_async_ms), roles.map(() => null));
    assert.equal(first_cuda_context_ms, null);
    assert.equal(record.greeting.outcome, "spoken");
    assert.ok(record.greeting.greeting_speak_ms! >= 200);
    assert.ok(record.greeting.kwd_resume_after_ms! >= 150);
    // The log tells the same figures.
    const said = (pattern: RegExp) => Number(lines.map((line) => pattern.exec(line)?.[1]).find((n) => n));
    assert.equal(said(/total_boot=([\d.]+)s/), Math.round(record.total_boot_ms! / 100) / 10);
    assert.ok(Math.abs(said(/detection after (\d+)ms/) - record.greeting.kwd_resume_after_ms!) <= 1);

    const again = await boot();
    assert.match(
      again.find((line) => line.includes("total_boot"))!,
      /^LOADER {3}INFO = SYSTEM_READY: total_boot=\d+\.\ds \(p95 last 1: \d+\.\ds\)$/,
    );
    assert.equal(home.boots().length, 2);
  },
});
