import assert from "node:assert/strict";
import type { BootPlan } from "../../../lib/model/plan.ts";
import type { Sound } from "../../../lib/protocols/sound.ts";
import { devicesOf } from "../../../lib/selftest/devices.ts";
import { hearItself } from "../../../lib/selftest/heard.ts";
import { systemClock } from "../../../lib/sys/clock.ts";
import { runCommand } from "../../../lib/sys/process/command.ts";
import { audioClip } from "../../../lib/warmups/mod.ts";
import { planOf } from "../../support/config_edit.ts";
import { freePort } from "../../support/peers/tcp_peer.ts";
import { roomScript, startRoom, type TestRoom } from "../../support/room.ts";
import { sayInRoom } from "../../../scripts/voice/room.ts";
import { withProcesses } from "../../support/with_processes.ts";

const sound: Sound = { rate: 16_000, width: 2, channels: 1, samples: audioClip("speech", 800) };

function planWith(selftest: Record<string, unknown>): BootPlan {
  const service = { cmd: ["x"], readiness: { type: "exec", cmd: ["true"] } };
  const plan = planOf(JSON.stringify({
    loader: { startup_sequence: ["tts"], shutdown_sequence: ["tts"], selftest },
    services: { tts: service },
  }));
  return { ...plan, dirs: { ...plan.dirs, runtime: Deno.makeTempDirSync() } };
}

const inRoom = ({ host, port }: TestRoom) => ({ room: `${host}:${port}` });
const byPrograms = ({ host, port }: TestRoom) => ({
  player: ["/bin/sh", "-c", `tail -c +45 "$$1" | python3 ${roomScript} speaker ${host}:${port} 16000`, "sh"],
  recorder: ["python3", roomScript, "microphone", `${host}:${port}`],
});

async function hear(selftest: Record<string, unknown>) {
  const plan = planWith(selftest);
  try {
    const ask = { clock: systemClock, signal: new AbortController().signal, timeoutMs: 20_000 };
    return await hearItself(sound, devicesOf(plan, runCommand), ask);
  } finally {
    Deno.removeSync(plan.dirs.runtime, { recursive: true });
  }
}

for (const latency of [0, 440, 900]) {
  withProcesses.test(`hearItself() measures ${latency} ms of output latency within 30 ms`, async () => {
    await using room = await startRoom();
    await room.set("latency_ms", latency);
    const seen: unknown[] = [];
    for (let tries = 0; tries < 3; tries++) { // on a machine that has other things to do
      const { problem, figures } = await hear(inRoom(room));
      assert.equal(problem, null);
      assert.ok(figures!.correlation > 0.9 && figures!.snr_db > 20, JSON.stringify(figures));
      if (Math.abs(figures!.latency_ms - latency) <= 30) return;
      seen.push(figures);
    }
    assert.fail(JSON.stringify(seen));
  });
}

withProcesses.test("hearItself() hears what programs play and record", async () => {
  await using room = await startRoom();
  const { problem, text, figures } = await hear(byPrograms(room));
  assert.equal(problem, null, text);
  assert.ok(figures!.correlation > 0.9, JSON.stringify(figures));
});

withProcesses.test("hearItself() names a dead microphone, a muted speaker, a wrong device, and what is not there", async () => {
  const broken = async (set: [string, string | number][], meanwhile?: (room: TestRoom) => Promise<void>) => {
    await using room = await startRoom();
    for (const [key, value] of set) await room.set(key, value);
    const [heard] = await Promise.all([hear(inRoom(room)), meanwhile?.(room)]);
    return [heard.problem, heard.text] as const;
  };
  const chirp = Int16Array.from({ length: 32_000 }, (_, n) => 6000 * Math.sin(n * n / 90_000));
  const late = async (room: TestRoom) => {
    await new Promise((resolve) => setTimeout(resolve, 900));
    await sayInRoom(room.port, chirp);
  };
  const found = await Promise.all([
    broken([["microphone", "dead"]]),
    broken([["microphone", "silent"]]),
    broken([["speaker", "muted"]]),
    broken([["speaker", "muted"]], late),
    hear({ room: `127.0.0.1:${freePort()}` }).then(({ problem, text }) => [problem, text] as const),
    hear({ recorder: ["no-such-recorder"], player: ["true"] }).then(({ problem, text }) =>
      [problem, text] as const
    ),
  ]);
  assert.deepEqual(found.map(([problem]) => problem), [
    ...["microphone_dead", "microphone_dead", "speaker_muted", "wrong_device", "no_device", "no_device"],
  ]);
  const sentences = [
    /gives no sound: nobody is heard/,
    /nothing but zeros/,
    /nothing of what is played/,
    /something else/,
  ];
  for (const [n, sentence] of sentences.entries()) assert.match(found[n]![1], sentence);
  assert.match(found[4]![1], /the room at 127\.0\.0\.1:\d+: connection refused/);
  assert.match(found[5]![1], /no program to record with \(no-such-recorder\)/);
});
