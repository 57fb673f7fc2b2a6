import assert from "node:assert/strict";
import { bootRecord } from "../../support/boot_records.ts";
import { exporterEnvironment, OtlpReceiver, type OtlpSpan } from "../../support/otlp_receiver.ts";
import { withProcesses } from "../../support/with_processes.ts";

/** Spans that a real OTLP receiver gets from a child process that exports one boot. */
async function received(env: Record<string, string>): Promise<OtlpSpan[]> {
  await using receiver = new OtlpReceiver();
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL("../../support/otel_child.ts", import.meta.url).pathname],
    env: { ...exporterEnvironment(receiver.port), ...env },
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return receiver.spans;
}

withProcesses.test("exportBoot() sends the boot as one trace: boot, services, stages", async () => {
  const spans = await received({ OTEL_DENO: "true" });
  const record = bootRecord(1);
  const began = BigInt(Date.parse(record.at)) * 1_000_000n;
  const tenths = (ms: number) => Math.round(ms * 10) / 10;
  const ms = (nano: string) => tenths(Number(BigInt(nano) - began) / 1e6);
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const lines = spans.map((span) => {
    const parent = span.parentSpanId ? byId.get(span.parentSpanId)?.name : "-";
    return `${span.name} < ${parent}: ${ms(span.startTimeUnixNano)}..${ms(span.endTimeUnixNano)}`;
  });
  const service = (name: string) => {
    const mine = record.spans.filter((span) => span.service === name);
    const from = Math.min(...mine.map((span) => span.at_ms));
    return `${name} < boot: ${from}..${tenths(Math.max(...mine.map((span) => span.at_ms + span.ms)))}`;
  };
  const wanted = [
    `boot < -: 0..${record.total_boot_ms}`,
    ...record.services.map(({ name }) => service(name)),
    ...record.spans.map(({ name, service, at_ms, ms }) =>
      `${name} < ${service ?? "boot"}: ${at_ms}..${at_ms + ms}`
    ),
  ];
  assert.deepEqual(lines.toSorted(), wanted.toSorted());
  assert.equal(new Set(spans.map((span) => span.traceId)).size, 1);
  const boot = spans.find((span) => span.name === "boot")!;
  assert.deepEqual(boot.events.map((event) => [event.name, ms(event.timeUnixNano)]), [["vram", 496], [
    "vram",
    11_600,
  ]]);
  const attributes = new Map(boot.attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  assert.equal(attributes.get("alexa.boot"), "b0000001");
  assert.equal(attributes.get("alexa.outcome"), "ready");
  assert.equal(attributes.get("alexa.greeting"), "spoken");
  assert.equal(attributes.get("alexa.total_boot_ms"), record.total_boot_ms);
  assert.equal(attributes.get("alexa.driver"), "570.86");
  const failed = spans.filter((span) => span.status?.message);
  assert.deepEqual(failed.map((span) => [span.name, span.status?.code, span.status?.message]), [[
    "tts",
    2,
    "tts failed",
  ]]);
});

withProcesses.test("exportBoot() sends nothing unless OTEL_DENO says so", async () => {
  assert.deepEqual(await received({ OTEL_DENO: "false" }), []);
});
