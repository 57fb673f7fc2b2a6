import assert from "node:assert/strict";
import { renderTrace } from "../../../lib/metrics/trace.ts";
import { bootRecord } from "../../support/boot_records.ts";

type Event = {
  ph: string;
  name: string;
  tid: number;
  pid: number;
  ts?: number;
  dur?: number;
  args?: Record<string, unknown>;
};

Deno.test("renderTrace() gives every span its thread, in microseconds", () => {
  const trace = JSON.parse(renderTrace(bootRecord(1)));
  const events: Event[] = trace.traceEvents;
  const names = new Map(
    events.filter(({ name }) => name === "thread_name").map(({ tid, args }) => [tid, args?.name]),
  );
  assert.deepEqual([...names.values()], [
    "loader",
    "kwd",
    "stt",
    "llm",
    "tts",
    "stt prepare",
    "llm prepare",
    "tts prepare",
    "greeting",
  ]);
  const process = events.find(({ name }) => name === "process_name");
  assert.equal(process?.args?.name, "alexa-loader boot b0000001");
  const slices = events.filter(({ ph }) => ph === "X").map((e) => [names.get(e.tid), e.name, e.ts, e.dur]);
  assert.equal(slices.length, bootRecord(1).spans.length);
  assert.deepEqual(slices.slice(0, 4), [
    ["loader", "precheck", 40_000, 4000],
    ["kwd", "kwd.start", 45_000, 500],
    ["kwd", "kwd.ready", 45_000, 420_000],
    ["stt prepare", "stt.prepare", 46_000, 300_000],
  ]);
  assert.deepEqual(slices.at(-1), ["greeting", "greeting.speak", 14_053_000, 940_000]);
  const ready = events.find(({ ph }) => ph === "i");
  assert.deepEqual([ready?.name, ready?.ts, names.get(ready!.tid)], ["SYSTEM_READY", 14_053_000, "loader"]);
  assert.deepEqual(events.filter(({ ph }) => ph === "C").map(({ ts, args }) => [ts, args?.used]), [
    [496_000, 512],
    [11_600_000, 4608],
  ]);
});

Deno.test("renderTrace() of one thread never has two slices that overlap without one holding the other", () => {
  const { traceEvents } = JSON.parse(renderTrace(bootRecord(1))) as { traceEvents: Event[] };
  const slices = traceEvents.filter(({ ph }) => ph === "X");
  for (const a of slices) {
    for (const b of slices.filter((other) => other !== a && other.tid === a.tid && other.ts! >= a.ts!)) {
      const aEnd = a.ts! + a.dur!, bEnd = b.ts! + b.dur!;
      assert.ok(b.ts! >= aEnd || bEnd <= aEnd || b.ts === a.ts, `${a.name} and ${b.name}`);
    }
  }
});
