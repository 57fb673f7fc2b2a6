import assert from "node:assert/strict";
import { diagnose, type DoctorOptions } from "../../../lib/doctor/mod.ts";
import { parseThrottle } from "../../../lib/doctor/look/gpu.ts";
import { lookAtLoader } from "../../../lib/doctor/look/loader.ts";
import { Looking } from "../../../lib/doctor/look/looking.ts";
import { lookAtModels, lookAtOllama, lookAtWakeWord } from "../../../lib/doctor/look/models.ts";
import { lookAtSound, parseCards, parseVolume } from "../../../lib/doctor/look/sound.ts";
import type { BootPlan } from "../../../lib/model/plan.ts";
import { encodeEvent } from "../../../lib/protocols/wyoming.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { machineBootId, readStat } from "../../../lib/sys/process/procfs.ts";
import { planOf } from "../../support/config_edit.ts";
import { gpuTest, nvmlStandin } from "../../support/gpu_standin.ts";
import { startOllamaPeer } from "../../support/peers/ollama_peer.ts";
import { withProcesses } from "../../support/with_processes.ts";

const looking = () => new Looking(new AbortController().signal);
const never = () => new Promise<never>(() => {});

/** A folder that is gone with the test. */
function folder(): Disposable & { path: string } {
  const path = Deno.makeTempDirSync({ prefix: "al-look-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** A plan of one service. */
function planWith(service: Record<string, unknown>, name = "llm"): BootPlan {
  const order = `[${name}]`;
  const text = `loader: { startup_sequence: ${order}, shutdown_sequence: ${order} }\nservices: ${
    JSON.stringify({
      [name]: { cmd: ["x"], readiness: { type: "tcp", host: "127.0.0.1", port: 5001 }, ...service },
    })
  }`;
  return planOf(text);
}

Deno.test("Looking gives up what takes too long, and notes what failed", async () => {
  const controller = new AbortController();
  const one = new Looking(controller.signal);
  const late = one.ask("disk", "nothing", never);
  controller.abort(new Error("timed out"));
  assert.equal(await late, "nothing");
  assert.equal(await one.ask("later", 1, () => never()), 1);
  assert.equal(await looking().ask("broken", null, () => Promise.reject(new Error("no"))), null);
  assert.deepEqual(one.unread, ["disk: timed out", "later: timed out"]);
});

Deno.test("diagnose() ends with its time although a question is never answered, and says which", async () => {
  using silent = Deno.listen({ port: 0, hostname: "127.0.0.1" }); // the kernel accepts, nobody answers
  const plan = planWith({
    manage: "external",
    cmd: undefined,
    readiness: { type: "ollama", url: `http://127.0.0.1:${(silent.addr as Deno.NetAddr).port}`, model: "m" },
  });
  const signal = new AbortController().signal;
  const options: DoctorOptions = { plan, status: null, records: [], env: {}, signal };
  const { report } = await diagnose(options);
  assert.ok(report.ms < 3000, `${report.ms} ms`);
  assert.equal(report.findings.find(({ id }) => id === "ollama-away")?.severity, "fail");
  await assert.rejects(diagnose({ ...options, signal: AbortSignal.abort(new Error("Ctrl-C")) }), /Ctrl-C/);
});

Deno.test("parseThrottle() and parseCards() read what the tools and the kernel write", () => {
  assert.deepEqual(parseThrottle("0, 0x0000000000000024\n1, 0x0000000000000000\n2, [N/A]\n"), [
    { gpu: 0, reasons: 0x24 },
    { gpu: 1, reasons: 0 },
  ]);
  const cards = ` 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xf7f10000 irq 30
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media USB PnP Sound Device at usb-0000:00:14.0-1, full speed
`;
  assert.deepEqual(parseCards(cards).map(({ index, id }) => `${index} ${id}`), ["0 PCH", "1 Device"]);
  assert.deepEqual(parseCards("--- no soundcards ---\n"), []);
});

Deno.test("parseVolume() reads wpctl and amixer", () => {
  assert.deepEqual(parseVolume("wpctl", "Volume: 0.45\n"), { percent: 45, muted: false, tool: "wpctl" });
  assert.equal(parseVolume("wpctl", "Volume: 1.00 [MUTED]\n")?.muted, true);
  const amixer = "  Front Left: Capture 0 [0%] [-17.25dB] [off]\n";
  assert.deepEqual(parseVolume("amixer", amixer), { percent: 0, muted: true, tool: "amixer" });
  assert.equal(parseVolume("wpctl", "Could not connect to PipeWire\n"), null);
});

gpuTest(
  "what NVIDIA's library really answers becomes the rule's case, and a driver that hangs ends nobody",
  async () => {
    using standin = nvmlStandin();
    const plan = planWith({ gpu: "required", vram_mb: 6000 });
    const env = { ALEXA_NVML_PATH: standin.path };
    const signal = new AbortController().signal;
    const ids = async () => {
      const { report } = await diagnose({ plan, status: null, records: [], env, signal });
      assert.ok(report.ms < 3000, `${report.ms} ms`);
      return report.findings.map(({ id }) => id).filter((id) => id.startsWith("gpu-"));
    };
    standin.set({ gpus: [{ totalMib: 8192, usedMib: 4096 }] });
    assert.deepEqual(await ids(), ["gpu-full"]);
    standin.set({ gpus: [{ totalMib: 24_576, usedMib: 1024 }] });
    assert.deepEqual(await ids(), []);
    standin.set({ errors: { nvmlInit_v2: 18 } });
    assert.deepEqual(await ids(), ["gpu-mismatch", "gpu-missing"]);
    standin.set({ gpus: [{}], delays: { nvmlInit_v2: 1500 } });
    assert.deepEqual(await ids(), ["gpu-missing", "gpu-hangs"]);
    await systemClock.sleep(1500); // the library must not go with this file while a call is in it
  },
);

withProcesses.test("a microphone that PipeWire has muted is seen through wpctl, one that hangs is given up", async () => {
  using home = folder();
  using _socket = Deno.listen({ transport: "unix", path: `${home.path}/pipewire-0` });
  const tool = (script: string) =>
    Deno.writeTextFileSync(`${home.path}/wpctl`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const path = Deno.env.get("PATH")!;
  Deno.env.set("PATH", `${home.path}:${path}`);
  try {
    const env = { PATH: `${home.path}:${path}`, XDG_RUNTIME_DIR: home.path };
    tool('test "$2" = @DEFAULT_AUDIO_SOURCE@ && echo "Volume: 0.40 [MUTED]" || echo "Volume: 0.40"');
    const { source, sink, pipewire } = await lookAtSound(looking(), env);
    assert.deepEqual([source?.muted, sink?.muted, pipewire.socket], [true, false, true]);
    tool("exec sleep 60");
    assert.equal((await lookAtSound(looking(), env)).source, null);
  } finally {
    Deno.env.set("PATH", path);
  }
});

Deno.test("a cache of models whose blobs are gone is told by its dangling links, of our models only", async () => {
  using home = folder();
  for (const name of ["a--wanted", "b--other"]) {
    const snapshot = `${home.path}/.cache/huggingface/hub/models--${name}/snapshots/1`;
    Deno.mkdirSync(snapshot, { recursive: true });
    Deno.symlinkSync("../../blobs/gone", `${snapshot}/model.safetensors`);
  }
  const [models] = await lookAtModels(looking(), planWith({ model: "a/wanted" }), { HOME: home.path });
  assert.equal(models!.dangling.length, 1);
  assert.match(models!.dangling[0]!, /models--a--wanted\/snapshots\/1\/model\.safetensors$/);
  assert.deepEqual([models!.problems, models!.hollow], [[], []]);
});

Deno.test("Ollama is asked what it has on disk and in memory", async () => {
  await using peer = startOllamaPeer({ models: ["llama3:latest"], size: 2 ** 31, sizeVram: 2 ** 30 });
  const url = peer.origin;
  const plan = planWith({ readiness: { type: "ollama", url, model: "llama3" } });
  const before = await lookAtOllama(looking(), plan, {});
  assert.deepEqual([before[0]!.installed, before[0]!.resident], [["llama3:latest"], null]);
  const body = JSON.stringify({ model: "llama3" });
  await (await fetch(`${url}/api/generate`, { method: "POST", body })).body?.cancel();
  const [after] = await lookAtOllama(looking(), plan, {});
  assert.deepEqual([after!.resident?.sizeMib, after!.resident?.gpuMib], [2048, 1024]);
  assert.ok(after!.resident!.unloadsInMs! > 86_400_000);
});

Deno.test("a wake word server that offers another word is found out, by expect and by its option", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serve = async () => {
    for await (const conn of listener) {
      await conn.write(
        encodeEvent("info", { wake: [{ name: "oww", models: [{ name: "hey_jarvis_v0.1" }] }] }),
      );
      conn.close();
    }
  };
  const served = serve();
  const { port } = listener.addr as Deno.NetAddr;
  const readiness = { type: "wyoming", host: "127.0.0.1", port };
  const cases: [Record<string, unknown>, wanted: string | null, problem: RegExp | null][] = [
    [
      { readiness: { ...readiness, expect: { wake: "alexa" } } },
      "alexa",
      /no wake "alexa"; there is oww, hey_jarvis/,
    ],
    [{ cmd: ["oww", "--preload-model", "alexa"], readiness }, "alexa", /no wake "alexa"/],
    [{ readiness: { ...readiness, expect: { wake: "hey_jarvis" } } }, "hey_jarvis", null],
    [{ readiness }, null, null],
  ];
  for (const [service, wanted, problem] of cases) {
    const [wake] = await lookAtWakeWord(looking(), planWith(service, "kwd"), new Set(["kwd"]));
    assert.equal(wake!.wanted, wanted);
    if (problem) assert.match(wake!.answer!.problem!, problem);
    else assert.equal(wake!.answer?.problem ?? null, null);
  }
  listener.close();
  await served;
});

Deno.test({
  name:
    "a service on record that lives though no loader runs is a leftover, another process of its pid is not",
  ignore: Deno.build.os !== "linux",
  fn() {
    using home = folder();
    const plan = planWith({});
    plan.dirs.state = home.path;
    const leftovers = (startTime: number) => {
      const service = { pid: Deno.pid, start_time: startTime, pgid: Deno.pid, boot: "b1", spawned_at: "" };
      const state = { format: 1, boot: "b1", machine_boot: machineBootId(), on_loader_death: "stop" };
      const loader = { pid: 2, start_time: 1 };
      Deno.writeTextFileSync(
        `${home.path}/state.json`,
        JSON.stringify({ ...state, loader, services: { llm: service } }),
      );
      return lookAtLoader({ plan, status: null, unanswered: null, records: [], env: {} }).leftovers;
    };
    const { startTime } = readStat(Deno.pid)!;
    assert.match(leftovers(startTime)[0]!, new RegExp(`^llm: pid ${Deno.pid} `));
    assert.deepEqual(leftovers(startTime + 1), []);
  },
});
