import assert from "node:assert/strict";
import type { Facts } from "../../../lib/doctor/facts.ts";
import { judge, ruleBook } from "../../../lib/doctor/judge.ts";
import type { GpuFailure } from "../../../lib/gpu/types.ts";
import { healthy, planned, running, type There } from "./healthy.ts";

type Change = (facts: There) => void;
interface Fixture {
  /** Triggers the rule, and no other but those in `also`. */
  bad: Change;
  /** Just not: it is judged, and fine. Left out: the healthy machine. */
  near?: Change;
  what: RegExp;
  mend?: RegExp;
  also?: string[];
}

const noGpu = (code: number, failure: GpuFailure["failure"] = "driver"): Change => (f) => {
  Object.assign(f.gpu, { snapshot: null, failure: { failure, code, message: `code ${code}` } });
};
const folder = (change: Partial<There["folders"][number]>): Change => (f) =>
  void Object.assign(f.folders[0]!, change);
const host = (change: Partial<There["host"]>): Change => (f) => void Object.assign(f.host, change);
const memory = (change: Partial<There["memory"]>): Change => (f) => void Object.assign(f.memory, change);
const held = (unit: There["net"]["held"][number]["unit"]): Change => (f) =>
  void f.net.held.push({ port: 5001, services: ["kwd"], holder: "pid 42 (x) of user eve", pid: 42, unit });
const resident = (change: Partial<NonNullable<There["ollama"][number]["resident"]>>): Change => (f) =>
  void Object.assign(f.ollama[0]!.resident!, change);
const onCpu: Change = (f) => void (running(f, "llm").on_cpu = true);
const plays = (...argv: string[]): Change => (f) => void (planned(f, "tts").argv = argv);
const warmup = (ms: number): Change => (f) => void (f.records.at(-1)!.services[2]!.warmup_ms = ms);
const opened = { port: 11_434, what: "Ollama", address: "0.0.0.0" };
const noLoader: Change = (f) => void Object.assign(f.loader, { status: null, guarded: null });

const fixtures: Record<string, Fixture> = {
  "config-missing": {
    bad: (f) => Object.assign(f, { plan: null, config: { ...f.config, path: null } }),
    near: (f) => f.config.problems.push("loader.yaml:1:1: no"),
    what: /only the machine/,
  },
  "config-invalid": {
    bad: (f) => {
      Object.assign(f, { plan: null });
      f.config.problems.push("loader.yaml:1:1: no such key");
    },
    what: /loader\.yaml:1:1/,
  },
  "config-exposed": { bad: (f) => f.config.exposed = true, what: /may read/, mend: /^chmod 600 \/etc/ },
  "command-missing": {
    bad: (f) => f.config.missing.push({ service: "stt", what: 'the command "whisper"' }),
    what: /^stt: the command "whisper" is not there/,
  },
  "loader-hangs": {
    bad: (f) => Object.assign(f.loader, { status: null, unanswered: "no answer within 5 s", guarded: null }),
    what: /within 5 s/,
  },
  "service-down": {
    bad: (f) => Object.assign(running(f, "tts"), { state: "failed", restarts: 9, problem: "exit code 7" }),
    near: (f) => running(f, "tts").state = "backoff",
    what: /tts: exit code 7/,
    mend: /restart tts/,
  },
  "service-restarts": {
    bad: (f) => running(f, "stt").restarts = 3,
    near: (f) => running(f, "stt").restarts = 2,
    what: /stt: 3 restarts/,
  },
  "not-listening": {
    bad: (f) => f.loader.status!.listening = false,
    near: (f) => f.loader.status!.listening = null,
    what: /kwd is up and does not listen/,
    mend: /restart kwd/,
  },
  "not-guarded": { bad: (f) => f.loader.guarded = false, what: /no guardian/ },
  "other-version": { bad: (f) => f.loader.status!.version = "0.9.0", what: /0\.9\.0 runs/ },
  leftovers: {
    bad: (f) => {
      noLoader(f);
      f.loader.leftovers.push("tts: pid 4711 (piper)");
    },
    near: noLoader,
    what: /pid 4711/,
  },
  "folder-exposed": {
    bad: folder({ owner: { uid: 1000, mode: 0o755 } }),
    near: folder({ owner: { uid: 1000, mode: 0o700 } }),
    what: /755/,
    mend: /^chmod 700 \/home/,
  },
  "folder-owner": {
    bad: folder({ owner: { uid: 0, mode: 0o700 } }),
    near: (f) => {
      folder({ owner: { uid: 1000, mode: 0o700 } })(f);
      f.host.uid = 0;
    },
    what: /belongs to user 0/,
    mend: /chown -R ann/,
  },
  "last-boot": {
    bad: (f) => Object.assign(f.records.at(-1)!, { outcome: "degraded", total_boot_ms: null }),
    near: (f) => f.records.at(-1)!.outcome = "stopped",
    what: /degraded/,
  },
  "first-token": { bad: warmup(1300), near: warmup(480), what: /llm: .*1\.30 s.*p95.*240 ms/ },

  "gpu-mismatch": { bad: noGpu(18, "lost"), near: noGpu(20), what: /code 18/, mend: /reboot/ },
  "gpu-lost": { bad: noGpu(15, "lost"), near: noGpu(20), what: /code 15/, mend: /gpu-reset/ },
  "gpu-container": { bad: noGpu(999, "lost"), near: noGpu(20), what: /code 999/ },
  "gpu-driver": {
    bad: (f) => {
      f.host.container = false;
      Object.assign(f.gpu, { nvidiaDriver: false, uvm: null, keepsMemory: null });
    },
    near: host({ container: false }),
    what: /not loaded/,
    mend: /modprobe nvidia/,
  },
  "gpu-uvm": { bad: (f) => f.gpu.uvm = false, what: /nvidia_uvm/, mend: /modprobe nvidia_uvm/ },
  "gpu-suspend": {
    bad: (f) => {
      onCpu(f);
      f.gpu.suspends = 2;
    },
    near: (f) => f.gpu.suspends = 2,
    what: /llm is on the CPU.*2 times/,
    mend: /rmmod nvidia_uvm.*restart llm/,
    also: ["gpu-unused"],
  },
  "gpu-memory-lost": {
    bad: (f) => Object.assign(f.gpu, { suspends: 1, keepsMemory: false }),
    near: (f) => f.gpu.keepsMemory = false,
    what: /not kept/,
  },
  "gpu-permission": {
    bad: (f) => f.gpu.denied.push("/dev/kfd"),
    what: /ann may not use \/dev\/kfd/,
    mend: /usermod -aG video,render ann/,
  },
  "gpu-missing": {
    bad: (f) => {
      planned(f, "llm").gpu = "required";
      Object.assign(f.gpu, { snapshot: null, failure: null });
    },
    near: (f) => planned(f, "llm").gpu = "required",
    what: /required by llm/,
  },
  "gpu-hangs": { bad: noGpu(0, "timeout"), near: noGpu(20), what: /code 0/ },
  "gpu-nvml": { bad: (f) => f.gpu.reasons.push("libnvidia-ml.so.1 is missing"), what: /libnvidia-ml/ },
  "gpu-unused": {
    bad: onCpu,
    near: (f) => {
      onCpu(f);
      f.gpu.snapshot!.gpus[0]!.freeMib = 500;
    },
    what: /llm is on the CPU while 20480 MiB/,
  },
  "gpu-full": {
    bad: (f) => f.gpu.short.push("VRAM will be short for llm"),
    what: /short for llm/,
    mend: /vram/,
  },
  "gpu-hot": { bad: (f) => f.gpu.throttle[0]!.reasons = 0x20, what: /heat/ },
  "gpu-power": { bad: (f) => f.gpu.throttle[0]!.reasons = 0x80, what: /power brake/ },

  "sound-card": {
    bad: (f) => Object.assign(f.sound, { cards: [], capture: false, playback: false }),
    what: /no sound card/,
  },
  "sound-microphone": { bad: (f) => f.sound.capture = false, what: /of PCH, Mic none can record/ },
  "sound-card-gone": {
    bad: plays("aplay", "-D", "plughw:CARD=Speaker,DEV=0"),
    near: plays("aplay", "-D", "plughw:CARD=Mic,DEV=0"),
    what: /tts uses plughw:CARD=Speaker; there is PCH, Mic/,
  },
  "sound-card-number": {
    bad: plays("aplay", "-D", "hw:1,0"),
    near: plays("aplay", "-D", "hw:CARD=Mic"),
    what: /tts uses hw:1/,
    mend: /hw:CARD=Mic/,
  },
  "sound-permission": { bad: (f) => f.sound.usable = false, what: /\/dev\/snd/, mend: /-aG audio ann/ },
  "sound-linger": {
    bad: host({ lingers: false }),
    what: /does not linger/,
    mend: /^loginctl enable-linger ann$/,
  },
  "sound-server": {
    bad: (f) => f.sound.pipewire.socket = false,
    what: /no socket/,
    mend: /systemctl --user/,
  },
  "sound-runtime-dir": {
    bad: (f) => {
      plays("paplay", "x.wav")(f);
      Object.assign(f.host, { runtimeDir: null });
    },
    near: plays("paplay", "x.wav"),
    what: /not set/,
    mend: /=\/run\/user\/1000/,
  },
  "sound-muted": {
    bad: (f) => f.sound.source!.muted = true,
    near: (f) => f.sound.source!.percent = 5,
    what: /microphone is muted/,
    mend: /wpctl set-mute @DEFAULT_AUDIO_SOURCE@ 0/,
  },
  "sound-silent": {
    bad: (f) => f.sound.sink = { percent: 0, muted: false, tool: "amixer" },
    what: /speaker is at 0 %/,
    mend: /amixer sset Master/,
  },

  "model-missing": {
    bad: (f) => f.models[0]!.problems.push("/m/x.onnx is not there"),
    what: /tts: \/m\/x\.onnx/,
  },
  "model-empty": { bad: (f) => f.models[0]!.empty.push("/models"), what: /^tts: \/models$/ },
  "model-dangling": {
    bad: (f) => f.models[0]!.dangling.push("/hub/models--a--b/snapshots/1/model.bin"),
    what: /models--a--b/,
    mend: /^rm -r \/hub\/models--a--b:/,
  },
  "model-hollow": { bad: (f) => f.models[0]!.hollow.push("/m/x.onnx is empty"), what: /is empty/ },
  "ollama-away": {
    bad: (f) => {
      planned(f, "llm").manage = "external";
      Object.assign(f.ollama[0]!, { installed: null, resident: null });
    },
    near: (f) => planned(f, "llm").manage = "external",
    what: /127\.0\.0\.1:11434/,
  },
  "ollama-model": {
    bad: (f) => f.ollama[0]!.installed = ["qwen:0.5b"],
    near: (f) => f.ollama[0]!.model = "llama3:latest",
    what: /no llama3; there is qwen:0\.5b/,
    mend: /^ollama pull llama3$/,
  },
  "ollama-unload": {
    bad: resident({ unloadsInMs: 240_000 }),
    near: resident({ unloadsInMs: 86_400_000 }),
    what: /leaves memory in 4 min/,
  },
  "ollama-context": { bad: resident({ context: 2048 }), what: /context of 2048, configured is 4096/ },
  "ollama-split": { bad: resident({ gpuMib: 3000 }), what: /3000 MiB of 5000 MiB/ },
  "wake-word": {
    bad: (f) => f.wake[0]!.answer!.problem = 'info has no wake "alexa"; there is hey_jarvis',
    what: /there is hey_jarvis/,
  },
  "wake-unchecked": { bad: (f) => Object.assign(f.wake[0]!, { wanted: null, answer: null }), what: /kwd/ },

  "port-unit": {
    bad: held({ name: "piper.service", user: false }),
    near: (f) => f.net.held = [],
    what: /5001 \(kwd\) is held by pid 42/,
    mend: /^sudo systemctl disable --now piper\.service/,
  },
  "port-held": { bad: held(null), what: /5001 \(kwd\) is held by pid 42/, mend: /^kill 42$/ },
  "port-shared": {
    bad: (f) => planned(f, "tts").bindPort = planned(f, "stt").bindPort,
    near: (f) =>
      Object.assign(planned(f, "tts"), { manage: "external", bindPort: planned(f, "stt").bindPort }),
    what: /stt and tts/,
  },
  "server-public": {
    bad: (f) => f.net.open.push(opened),
    what: /11434.*8\.8\.8\.8/,
    mend: /OLLAMA_HOST=127\.0\.0\.1/,
    also: ["server-open"],
  },
  "server-open": {
    bad: (f) => {
      f.net.open.push({ ...opened, port: 8080, what: "A model server" });
      f.net.publicAddresses = [];
    },
    what: /0\.0\.0\.0:8080/,
    mend: /deny 8080/,
  },
  "net-loopback": { bad: (f) => f.net.loopback = false, what: /127\.0\.0\.1/, mend: /ip link set lo up/ },
  "net-proxy": { bad: (f) => f.net.proxy!.sparesLoopback = false, what: /proxy:3128/, mend: /NO_PROXY/ },

  "memory-low": {
    bad: memory({ availableMib: 700 }),
    near: memory({ availableMib: 900 }),
    what: /700 of 16000/,
  },
  "memory-group": {
    bad: memory({ groupRoomMib: 100 }),
    near: memory({ groupRoomMib: 300 }),
    what: /100 MiB/,
  },
  "memory-oom": { bad: memory({ oomKills: 2 }), what: /^2 since/ },
  "swap-full": {
    bad: memory({ swapFreeMib: 300 }),
    near: memory({ swapFreeMib: 500 }),
    what: /3700 of 4000/,
  },
  "memory-pressure": {
    bad: memory({ stalled: { memory: 11, io: 0 } }),
    near: memory({ stalled: { memory: 9, io: 0 } }),
    what: /11 %/,
  },
  "disk-pressure": {
    bad: memory({ stalled: { memory: 0, io: 30 } }),
    near: memory({ stalled: { memory: 0, io: 15 } }),
    what: /30 %/,
  },
  "disk-full": { bad: folder({ freeMib: 10 }), near: folder({ freeMib: 20_000 }), what: /10 MiB/ },
  "disk-low": { bad: folder({ freeMib: 1000 }), near: folder({ freeMib: 3000 }), what: /1000 of 200000/ },
  "disk-inodes": {
    bad: folder({ freeInodes: 100 }),
    near: folder({ freeInodes: 0, totalInodes: 0 }),
    what: /100 of/,
  },
  "disk-read-only": { bad: folder({ readOnly: true }), what: /read-only \(ext4\)/ },
  "disk-network": { bad: folder({ type: "nfs4" }), near: folder({ type: "fuse.mergerfs" }), what: /on nfs4/ },
  heat: { bad: host({ celsius: 95.4 }), near: host({ celsius: 89 }), what: /95 °C/ },
  "pi-power": { bad: host({ throttled: 0x50005 }), near: host({ throttled: 0x50000 }), what: /0x50005/ },
  "cpu-quota": { bad: host({ quotaHeld: 0.45 }), near: host({ quotaHeld: 0.09 }), what: /45 %/ },
  "cpu-governor": { bad: host({ governor: "powersave" }), what: /powersave/ },
  "limit-files": {
    bad: host({ openFiles: 87 }),
    near: host({ openFiles: 88 }),
    what: /is 87, 88/,
    mend: /ulimit -n/,
  },
  "limit-processes": { bad: host({ processes: 100 }), near: host({ processes: Infinity }), what: /is 100/ },
  "clock-behind": {
    bad: host({ now: Date.UTC(1970, 0, 1) }),
    what: /1970/,
    mend: /timedatectl/,
  },
  "clock-moved": {
    bad: (f) => f.loader.clockMovedSec = -3600,
    near: (f) => f.loader.clockMovedSec = -59,
    what: /-3600 s/,
  },
  locale: { bad: host({ locale: "de_DE@euro" }), near: host({ locale: "C.utf8" }), what: /de_DE@euro/ },
  "no-libc": { bad: host({ libc: false }), what: /libc/ },
  "hidden-processes": { bad: host({ hidesProcesses: true }), what: /hidepid/ },
  cgroup: { bad: host({ delegated: false }), what: /control groups/ },
};

const rules = ruleBook.flatMap(({ rules }) => rules);
const judged = (change: Change = () => {}) => {
  const facts = healthy();
  change(facts);
  return judge(facts as Facts);
};

Deno.test("a healthy machine: every rule but those of another state has something to judge, and none speaks", () => {
  const { healthy, findings, unjudged } = judged();
  assert.deepEqual(findings, []);
  assert.equal(healthy, true);
  // With a loader and no GPU that is required, no ALSA name, no external Ollama there is nothing to judge for these.
  const ofOtherStates = [
    "leftovers",
    "gpu-driver",
    "gpu-missing",
    "sound-card-gone",
    "sound-card-number",
    "sound-runtime-dir",
    "ollama-away",
  ];
  assert.deepEqual(unjudged, ofOtherStates);
});

Deno.test("each rule has a fixture, and there are no others", () => {
  assert.deepEqual(Object.keys(fixtures).sort(), rules.map(({ id }) => id).sort());
  assert.ok(rules.length >= 30);
  assert.equal(new Set(rules.map(({ id }) => id)).size, rules.length, "ids are unique");
});

for (const { id, severity } of rules) {
  const { bad, near, what, mend, also = [] } = fixtures[id]!;
  Deno.test(`rule ${id} tells what it is for, and what to do`, () => {
    const { healthy, findings } = judged(bad);
    const found = findings.filter((finding) => finding.id === id);
    assert.equal(found.length, 1, JSON.stringify(findings));
    assert.match(found[0]!.what, what);
    assert.match(found[0]!.mend, mend ?? /\S/);
    assert.equal(found[0]!.severity, severity);
    const others = new Set(findings.filter((finding) => finding.id !== id).map((finding) => finding.id));
    assert.deepEqual([...others], also, "nothing else is said");
    assert.equal(healthy, !findings.some((finding) => finding.severity === "fail"));
  });
  Deno.test(`rule ${id} is silent where it is just not so`, () => {
    const { fine } = judged(near);
    assert.ok(fine.includes(id), `${id} is not among ${fine}`);
  });
}

Deno.test("nothing can be read: no rule fails over it, and none accuses", () => {
  const facts = healthy();
  for (const key of ["memory", "plan", "sound"] as const) Object.assign(facts, { [key]: null });
  for (const key of ["folders", "records", "models", "ollama", "wake"] as const) facts[key].length = 0;
  for (
    const part of [facts.host, facts.loader, facts.gpu, facts.net] as unknown as Record<string, unknown>[]
  ) {
    for (const [key, value] of Object.entries(part)) {
      if (Array.isArray(value)) value.length = 0;
      else if (value === null || typeof value === "object") part[key] = null;
    }
  }
  for (
    const key of [
      "openFiles",
      "processes",
      "celsius",
      "throttled",
      "quotaHeld",
      "governor",
      "locale",
      "lingers",
    ]
  ) {
    Object.assign(facts.host, { [key]: null });
  }
  Object.assign(facts.gpu, {
    expected: false,
    nvidiaCard: false,
    nvidiaDriver: false,
    uvm: null,
    keepsMemory: null,
  });
  Object.assign(facts.loader, { guarded: null, clockMovedSec: null, userUnit: false });
  const { findings } = judge(facts as Facts);
  assert.deepEqual(findings, []);
});
