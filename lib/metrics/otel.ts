/**
 * A boot as one OpenTelemetry trace: the boot, under it the services, under each its stages, all with the times when
 * they really happened. Deno's own exporter sends it when the program runs with `OTEL_DENO=true` (and the usual
 * `OTEL_EXPORTER_OTLP_*` variables); without it the API does nothing, so callers ask first. Spec: §11.
 */
import type { Attributes, Context, HrTime, Span as OtelSpan } from "@opentelemetry/api";
import { bootEnd } from "./chain.ts";
import type { BootRecord, ServiceFigures, Span } from "../model/boot_record.ts";

/** `alexa.<figure>` for each figure that is known; OpenTelemetry has no null. */
function attributes(figures: object): Attributes {
  const known = Object.entries(figures).filter(([, value]) => value !== null && typeof value !== "object");
  return Object.fromEntries(known.map(([name, value]) => [`alexa.${name}`, value]));
}

/**
 * Hands the boot to the exporter, which sends it in the background and at the latest when the program ends. Imports the
 * API only here. The root span lasts until SYSTEM_READY; the greeting's spans come after it, as its children.
 */
export async function exportBoot(record: BootRecord): Promise<void> {
  const { ROOT_CONTEXT, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const tracer = trace.getTracer("alexa-loader", record.version);
  const began = Date.parse(record.at);
  const time = (ms: number): HrTime => { // a Date would lose the parts of milliseconds
    const us = began * 1000 + Math.round(ms * 1000);
    return [Math.floor(us / 1e6), (us % 1e6) * 1000];
  };
  const within = (span: OtelSpan) => trace.setSpan(ROOT_CONTEXT, span);
  const begin = (name: string, at: number, attributes: Attributes, parent: Context) =>
    tracer.startSpan(name, { startTime: time(at), attributes, root: parent === ROOT_CONTEXT }, parent);
  const add = (spans: Span[], parent: Context) => {
    for (const { name, at_ms, ms } of spans) begin(name, at_ms, {}, parent).end(time(at_ms + ms));
  };
  const failed = (span: OtelSpan, message: string) => span.setStatus({ code: SpanStatusCode.ERROR, message });

  const { outcome: greeting, ...greetingFigures } = record.greeting;
  const facts = { ...record, greeting, ...greetingFigures, ...record.versions };
  const boot = begin("boot", 0, attributes(facts), ROOT_CONTEXT);
  for (const { stage, at_ms, used_mib, delta_mib } of record.vram) {
    boot.addEvent("vram", attributes({ stage, used_mib, delta_mib }), time(at_ms));
  }
  if (record.outcome === "failed") failed(boot, "the boot failed");
  const root = within(boot);
  add(record.spans.filter((span) => span.service === null), root);
  for (const figures of record.services) addService(figures);
  boot.end(time(bootEnd(record)));

  function addService(figures: ServiceFigures): void {
    const stages = record.spans.filter((span) => span.service === figures.name);
    if (stages.length === 0) return; // it was never started: nothing happened that could have a time
    const from = Math.min(...stages.map((span) => span.at_ms));
    const to = Math.max(...stages.map((span) => span.at_ms + span.ms));
    const service = begin(figures.name, from, attributes(figures), root);
    if (figures.outcome === "failed") failed(service, `${figures.name} failed`);
    add(stages, within(service));
    service.end(time(to));
  }
}
