/**
 * `deno task selftest-check [--rounds N] [--json]`: does `selftest` name rightly what is wrong? N times (50) each an
 * assistant that is healthy, and one with each fault: engines of the test's own that are true to their protocols, and the
 * reference assistant's room for what is heard, with an output latency of 0 to 900 ms that is to be measured within 30 ms.
 */
import { parseArgs } from "node:util";
import { selftest } from "../lib/selftest/mod.ts";
import { systemClock } from "../lib/sys/clock.ts";
import { runCommand } from "../lib/sys/process/command.ts";
import { type AssistantFault, faults, startAssistantPeers } from "../tests/support/peers/assistant_peers.ts";
import { startRoom } from "../tests/support/room.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "50" }, json: { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
if (!(rounds > 0)) {
  console.error("selftest-check: --rounds is a number");
  Deno.exit(2);
}

/** What the stage that is wrong must be told as; null: all is right. */
const engineFaults: Record<AssistantFault, string | null> = {
  none: null,
  "wrong wake word": "wake wrong_word",
  "another wake word told": "wake wrong_word",
  "deaf wake word": "wake not_heard",
  "STT garbage": "stt misunderstood",
  "STT error": "stt unreached",
  "TTS silent": "tts silent",
  "TTS without sound": "tts silent",
  "LLM not resident": "llm not_resident",
  "LLM without its model": "llm unreached",
};
const roomFaults: Record<string, [key: string, value: string, wanted: string]> = {
  "dead microphone": ["microphone", "dead", "sound microphone_dead"],
  "microphone of zeros": ["microphone", "silent", "sound microphone_dead"],
  "muted speaker": ["speaker", "muted", "sound speaker_muted"],
};

interface Outcome {
  /** "stage problem" of each stage that is wrong. */
  wrong: string[];
  latencyMs: number | null;
}

async function test(fault: AssistantFault, style: "wyoming" | "openai", room?: string): Promise<Outcome> {
  await using peers = await startAssistantPeers(fault, { style, loader: room ? { selftest: { room } } : {} });
  const report = await selftest(peers.plan, {
    boot: "check",
    clock: systemClock,
    signal: new AbortController().signal,
    run: () => runCommand,
    sound: room ? { run: runCommand, quietly: (act) => act() } : undefined,
  });
  const wrong = report.stages.flatMap(({ stage, problem }) => problem ? [`${stage} ${problem}`] : []);
  return { wrong, latencyMs: report.sound?.latency_ms ?? null };
}

const right = new Map<string, number>(), errors: number[] = [];
let again = 0;
function count(what: string, isRight: boolean, seen: unknown): void {
  right.set(what, (right.get(what) ?? 0) + (isRight ? 1 : 0));
  if (!isRight) console.error(`${what}: ${JSON.stringify(seen)}`);
}

/** Runs all rounds, so many at a time. */
async function inLanes(lanes: number, act: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < rounds) await act(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

for (const fault of faults) {
  await inLanes(10, async (round) => {
    const { wrong } = await test(fault, round % 2 ? "openai" : "wyoming");
    count(fault === "none" ? "healthy" : fault, wrong.join() === (engineFaults[fault] ?? ""), wrong);
  });
}
await inLanes(4, async (round) => {
  await using room = await startRoom();
  const address = `${room.host}:${room.port}`;
  const latency = Math.round(900 * round / Math.max(1, rounds - 1));
  await room.set("latency_ms", latency);
  const healthy = await test("none", "wyoming", address);
  count("healthy, aloud", healthy.wrong.length === 0, healthy);
  // The room hears in frames of 20 ms.
  const wanted = 20 * Math.floor(latency / 20);
  let error = (healthy.latencyMs ?? NaN) - wanted;
  // A room that gets no processor in time is late with the end of the sound: that is no delay of the device.
  for (let tries = 1; tries < 3 && !(Math.abs(error) <= 30); tries++) {
    again++;
    error = ((await test("none", "wyoming", address)).latencyMs ?? NaN) - wanted;
  }
  errors.push(error);
  count("latency of 0 to 900 ms within 30 ms", Math.abs(error) <= 30, { wanted, ...healthy });
  await room.set("latency_ms", 0);
  for (const [fault, [key, value, told]] of Object.entries(roomFaults)) {
    await room.set(key, value);
    const { wrong } = await test("none", "wyoming", address);
    count(fault, wrong.join() === told, wrong);
    await room.set(key, "on");
  }
});
errors.sort((a, b) => a - b);
if (values.json) console.log(JSON.stringify({ rounds, right: Object.fromEntries(right), errors, again }));
else {
  for (const [what, n] of right) console.log(`${what.padEnd(36)} ${n} of ${rounds}`);
  console.log(
    `error of the latency: ${errors[0]} to ${errors.at(-1)} ms, median ${
      errors[errors.length >> 1]
    } ms; measured again ${again} times`,
  );
}
Deno.exit([...right.values()].every((n) => n === rounds) ? 0 : 1);
