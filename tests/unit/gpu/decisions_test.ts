import assert from "node:assert/strict";
import { admit, decideAdmission, forecast, peaksOf, predictNeed } from "../../../lib/gpu/decide/admission.ts";
import { attribute, heldBy, holdersLine } from "../../../lib/gpu/decide/attribution.ts";
import { watchFirstContext } from "../../../lib/gpu/watch/first_context.ts";
import { judgeOllama, judgeResidency } from "../../../lib/gpu/decide/residency.ts";
import { notBack, settle } from "../../../lib/gpu/watch/settle.ts";
import { waitForGpu } from "../../../lib/gpu/source/wait_for_gpu.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { lost, scripted, shot } from "./snapshots.ts";

const trees = new Map([["stt", new Set([10, 11])], ["llm", new Set([20])]]);
const command = (pid: number) => `other --pid ${pid}`;
const live = () => new AbortController().signal;

Deno.test("attribute() shares out the memory to services, strangers and nobody", () => {
  const a = attribute(shot(9000, { 10: 1000, 11: 500, 20: 6000, 99: 700, 98: null }), trees, command);
  assert.deepEqual(a.services, [
    { service: "llm", mib: 6000, pids: [20] },
    { service: "stt", mib: 1500, pids: [10, 11] },
  ]);
  assert.deepEqual(a.strangers, [
    { pid: 99, mib: 700, kind: "compute", command: "other --pid 99" },
    { pid: 98, mib: null, kind: "compute", command: "other --pid 98" },
  ]);
  assert.equal(a.unattributedMib, 800);
  assert.equal(
    holdersLine(a),
    "llm 6000 MiB (pid 20), stt 1500 MiB (pid 10, 11), pid 99 (other --pid 99) 700 MiB, " +
      "pid 98 (other --pid 98) an unknown amount",
  );
  assert.equal(holdersLine(a, 1), "llm 6000 MiB (pid 20), 3 more");
});

Deno.test("attribute() adds up a process on several GPUs, and is incomplete where a list is missing", () => {
  const two = { at: 0, gpus: [...shot(1000, { 10: 300 }).gpus, ...shot(1000, { 10: 400 }, false).gpus] };
  const a = attribute(two, trees);
  assert.deepEqual(a.services, [{ service: "stt", mib: 700, pids: [10] }]);
  assert.equal(a.complete, false);
  assert.equal(heldBy(two, new Set([10])), 700);
  assert.equal(heldBy(two, new Set([11])), null);
});

Deno.test("predictNeed() takes vram_mb, else the p95 of earlier boots", () => {
  assert.deepEqual(predictNeed(5000, [1, 2]), { mib: 5000, from: "vram_mb" });
  assert.deepEqual(predictNeed(null, [100]), { mib: 100, from: "seen in 1 boot" });
  const twenty = Array.from({ length: 20 }, (_, i) => i + 1);
  assert.deepEqual(predictNeed(null, [...twenty, 0, -5, NaN]), { mib: 19, from: "p95 of 20 boots" });
  assert.equal(predictNeed(null, []), null);
});

Deno.test("peaksOf() takes the service's own stages of the newest boots", () => {
  const boot = (delta_mib: number) => ({
    vram: [{ stage: "llm", delta_mib }, { stage: "stt", delta_mib: 7 }],
  });
  assert.deepEqual(peaksOf([boot(1), boot(2), boot(-3), boot(4)], "llm", 3), [2, 4]);
});

Deno.test("admit() lets pass what fits or cannot be known, and names who is in the way", () => {
  const need = { mib: 9000, from: "p95 of 7 boots" };
  assert.equal(admit({ service: "llm", need, snapshot: shot(24576 - 9000) }).ok, true);
  assert.equal(admit({ service: "llm", need: null, snapshot: shot(24576) }).ok, true);
  assert.equal(admit({ service: "llm", need, snapshot: null }).ok, true);
  const short = admit({
    service: "llm",
    need,
    snapshot: shot(20000, { 10: 4000, 99: 15000 }),
    trees,
    commandOf: command,
  });
  assert.deepEqual(short, {
    ok: false,
    needMib: 9000,
    freeMib: 4576,
    missingMib: 4424,
    holders: "pid 99 (other --pid 99) 15000 MiB, stt 4000 MiB (pid 10)",
    message:
      "VRAM short for llm: it needs 9000 MiB (p95 of 7 boots), 4576 MiB of 24576 MiB are free; held by " +
      "pid 99 (other --pid 99) 15000 MiB, stt 4000 MiB (pid 10)",
  });
});

Deno.test("forecast() starts the services in their order and names what will not fit", () => {
  const need = (mib: number) => ({ mib, from: "vram_mb" });
  const snapshot = shot(14576, { 10: 4000, 99: 10000 });
  const needs = [
    { service: "stt", need: need(9000) }, // it runs already
    { service: "llm", need: need(8000) },
    { service: "tts", need: need(3000) },
    { service: "other", need: null },
  ];
  assert.deepEqual(forecast(needs, { snapshot, trees, commandOf: command }), [
    "VRAM will be short for tts: it needs 3000 MiB (vram_mb), 2000 MiB of 24576 MiB are left after llm 8000 MiB; " +
    "held now by pid 99 (other --pid 99) 10000 MiB, stt 4000 MiB (pid 10)",
  ]);
  assert.deepEqual(forecast(needs.slice(0, 2), { snapshot, trees }), []);
});

Deno.test("decideAdmission() warns, waits or fails as configured", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const input = { service: "llm", need: { mib: 9000, from: "vram_mb" }, first: shot(20000) };
  const o = {
    waitMs: 3000,
    clock,
    log: (level: string, m: string) => void lines.push(`${level} = ${m}`),
    signal: live(),
  };
  const short =
    "VRAM short for llm: it needs 9000 MiB (vram_mb), 4576 MiB of 24576 MiB are free; held by no process that can be seen";

  const asked = scripted([shot(0)]);
  assert.deepEqual(
    await decideAdmission({ ...input, first: shot(100), source: asked }, { ...o, onShort: "fail" }),
    { start: true, short: false },
  );
  assert.deepEqual(await decideAdmission({ ...input, source: asked }, { ...o, onShort: "fail" }), {
    start: false,
    message: short,
    hint: "free the GPU, lower vram_mb of llm, or set on_vram_short: warn",
  });
  assert.deepEqual(await decideAdmission({ ...input, source: asked }, { ...o, onShort: "warn" }), {
    start: true,
    short: true,
  });
  assert.equal(asked.asked, 0);
  assert.deepEqual(lines.splice(0), [`WARNING = ${short}; starting it all the same`]);

  const frees = decideAdmission({ ...input, source: scripted([shot(20000), lost, shot(1000)]) }, {
    ...o,
    onShort: "wait",
  });
  await clock.advance(1500);
  assert.deepEqual(await frees, { start: true, short: false });
  assert.deepEqual(lines.splice(0), [
    `WARNING = ${short}; waiting up to 3 s`,
    "INFO = VRAM for llm is free after 1.5s: 23576 MiB",
  ]);

  const never = decideAdmission({ ...input, source: scripted([shot(20000)]) }, { ...o, onShort: "wait" });
  await clock.advance(3000);
  assert.deepEqual(await never, { start: true, short: true });
  assert.equal(lines.at(-1), "WARNING = VRAM still short for llm after 3 s; starting it all the same");

  const abort = new AbortController();
  const stopped = decideAdmission({ ...input, source: scripted([shot(20000)]) }, {
    ...o,
    onShort: "wait",
    signal: abort.signal,
  });
  const rejected = assert.rejects(stopped, /stop/);
  await clock.settle();
  abort.abort(new Error("stop"));
  await rejected;
  assert.equal(clock.pending, 0);
});

Deno.test("waitForGpu() waits for the driver and for the compute device", async () => {
  const clock = new FakeClock();
  const lines: string[] = [];
  const folder = Deno.makeTempDirSync();
  const node = `${folder}/nvidia-uvm`;
  try {
    let opened = 0, disposed = 0;
    const open = () => {
      const source = scripted([shot(0)], opened++ < 2 ? "none" : "nvml");
      return Promise.resolve({ ...source, [Symbol.asyncDispose]: () => Promise.resolve(void disposed++) });
    };
    const o = {
      open,
      waitMs: 30000,
      clock,
      log: (level: string, m: string) => void lines.push(`${level} = ${m}`),
    };
    const waiting = waitForGpu({ ...o, signal: live(), devices: [node] });
    await clock.advance(1000);
    Deno.writeTextFileSync(node, "");
    await clock.advance(2000);
    const result = await waiting;
    assert.equal(result.ok, true);
    assert.equal(result.source.kind, "nvml");
    assert.equal(disposed, opened - 1); // all but the one that is handed out
    assert.deepEqual(lines, [
      "INFO = Waiting up to 30 s for the GPU: the NVIDIA driver is not loaded",
      "INFO = GPU ready after 1.5s: NVIDIA GeForce RTX 4090, driver 550.54",
    ]);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("waitForGpu() gives up at its limit and says what is missing", async () => {
  const clock = new FakeClock();
  const o = { waitMs: 3000, clock, log: () => {}, signal: live(), devices: ["/nonexistent/nvidia-uvm"] };
  const noDriver = waitForGpu({ ...o, open: () => Promise.resolve(scripted([lost], "none")) });
  await clock.advance(3000);
  const first = await noDriver;
  assert.ok(!first.ok);
  assert.equal(first.message, "no GPU to compute on within 3 s: the NVIDIA driver is not loaded");
  const noDevice = waitForGpu({ ...o, open: () => Promise.resolve(scripted([shot(0)])) });
  await clock.advance(3000);
  const second = await noDevice;
  assert.ok(!second.ok);
  assert.match(second.message, /driver 550\.54 answers, but \/nonexistent\/nvidia-uvm is not there$/);
  assert.match(second.hint, /nvidia-modprobe/);
  assert.equal(clock.pending, 0);
});

Deno.test("waitForGpu() asks no NVIDIA device of an AMD GPU, and says nothing when it need not wait", async () => {
  const lines: string[] = [];
  const open = () => Promise.resolve(scripted([shot(0)], "amd-smi"));
  const o = {
    waitMs: 0,
    clock: new FakeClock(),
    log: (_: string, m: string) => void lines.push(m),
    signal: live(),
  };
  assert.equal((await waitForGpu({ ...o, open, devices: [] })).ok, true);
  assert.deepEqual(lines, []);
});

Deno.test("judgeResidency() finds the CPU behind a service that answers", () => {
  const pids = new Set([20, 21]);
  const judge = (expectedMib: number | null, after: ReturnType<typeof shot> | null, before = shot(1000)) =>
    judgeResidency({ expectedMib, pids, before, after });
  assert.equal(judge(5000, shot(6000, { 20: 4800 })).verdict, "gpu");
  assert.equal(judge(5000, shot(6000, { 20: 2000, 21: 2000 })).verdict, "gpu");
  assert.equal(judge(null, shot(1300, { 20: 300 })).verdict, "gpu");
  assert.deepEqual(judge(5000, shot(1000, { 99: 800 })), {
    verdict: "cpu",
    heldMib: 0,
    message: "READY ON CPU: it holds 0 MiB of VRAM, about 5000 MiB were expected",
    hint: "see the service's own log for why CUDA was not used, and if the driver was up before it started",
  });
  assert.equal(judge(5000, shot(1300, { 20: 300 })).verdict, "partial"); // only a context
  assert.equal(judge(5000, shot(7000, { 99: 6000 })).verdict, "cpu"); // the growth is a stranger's
  assert.equal(judge(null, shot(1000)).verdict, "cpu");
});

Deno.test("judgeResidency() does not accuse where the driver does not tell", () => {
  const pids = new Set([20]);
  const judge = (after: ReturnType<typeof shot> | null) =>
    judgeResidency({ expectedMib: 5000, pids, before: shot(1000), after });
  assert.equal(judge(null).verdict, "unknown");
  assert.equal(judge(shot(1000, { 20: null })).verdict, "unknown");
  assert.equal(judge(shot(1000, {}, false)).verdict, "unknown");
  assert.equal(judge(shot(6000, {}, false)).verdict, "gpu"); // the whole GPU's use grew by it
  assert.equal(judge(shot(6000)).verdict, "gpu"); // another pid namespace: nobody is listed
});

Deno.test("judgeOllama() reads /api/ps", () => {
  const gib = 2 ** 30;
  const judge = (sizeVram: number) =>
    judgeOllama("llama3", [{ name: "llama3:latest", size: 4 * gib, sizeVram }]);
  assert.equal(judge(4 * gib).verdict, "gpu");
  const cpu = judge(0);
  assert.ok(cpu.verdict === "cpu");
  assert.equal(cpu.message, "READY ON CPU: Ollama holds 0 MiB of 4096 MiB of llama3 in VRAM");
  assert.equal(judge(gib).verdict, "partial");
  assert.equal(judgeOllama("qwen", [{ name: "llama3:latest", size: gib, sizeVram: 0 }]).verdict, "unknown");
});

Deno.test("notBack() does not blame the old tree for what others took meanwhile", () => {
  const pids = new Set([20]);
  const before = shot(6000, { 20: 5000, 99: 500 });
  assert.equal(notBack(before, shot(1000, { 99: 500 }), pids), 0);
  assert.equal(notBack(before, shot(6000, { 20: 5000, 99: 500 }), pids), 5000);
  assert.equal(notBack(before, shot(6000, { 99: 500 }), pids), 5000); // out of the list, not yet given back
  assert.equal(notBack(before, shot(6000, { 99: 5500 }), pids), 0);
  assert.equal(notBack(before, shot(1020, { 99: 500 }), pids), 0); // within the tolerance
});

Deno.test("settle() waits until the memory is back, bounded", async () => {
  const clock = new FakeClock();
  const before = shot(6000, { 20: 5000, 99: 500 });
  const o = {
    service: "llm",
    before,
    pids: new Set([20]),
    limitMs: 2000,
    clock,
    signal: live(),
    commandOf: command,
  };
  const comesBack = settle({
    ...o,
    source: scripted([before, shot(6000, { 99: 500 }), shot(1000, { 99: 500 })]),
  });
  await clock.advance(200);
  assert.deepEqual(await comesBack, { ok: true, waitedMs: 150, missingMib: 0, message: "" });
  const never = settle({ ...o, source: scripted([shot(3000, { 20: 2000, 99: 500 })]) });
  await clock.advance(2000);
  assert.deepEqual(await never, {
    ok: false,
    waitedMs: 2000,
    missingMib: 2000,
    message:
      "2000 MiB of VRAM of llm are not back after 2.0 s; on the GPU: pid 20 (other --pid 20) 2000 MiB, " +
      "pid 99 (other --pid 99) 500 MiB",
  });
  const asked = scripted([before]);
  assert.equal((await settle({ ...o, source: asked, pids: new Set([55]) })).ok, true);
  assert.equal((await settle({ ...o, source: asked, before: null })).ok, true);
  assert.equal(asked.asked, 0);
  assert.equal((await settle({ ...o, source: scripted([lost]) })).ok, true);
  assert.equal(clock.pending, 0);
});

Deno.test("watchFirstContext() tells when one of our processes is first on the GPU", async () => {
  const clock = new FakeClock();
  const source = scripted([shot(0), lost, shot(0, { 99: 5 }), shot(0, { 99: 5, 20: 5 })]);
  const seen = watchFirstContext({ source, clock, ourPids: () => new Set([20]), signal: live() });
  await clock.advance(1000);
  assert.equal(await seen, 300);
  assert.equal(
    await watchFirstContext({
      source: scripted([lost], "none"),
      clock,
      ourPids: () => new Set(),
      signal: live(),
    }),
    null,
  );
  assert.equal(clock.pending, 0);
});
