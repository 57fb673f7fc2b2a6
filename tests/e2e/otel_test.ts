/** A real boot as an OpenTelemetry trace, sent by the program's own runtime to a real receiver. Spec: §11; CONTRACT §10. */
import assert from "node:assert/strict";
import { LoaderProcess, lowPort, TestHome } from "../support/loader_process.ts";
import { exporterEnvironment, OtlpReceiver, type OtlpSpan } from "../support/otlp_receiver.ts";
import { assistant, type AssistantOptions, roles } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

const on = { OTEL_DENO: "true" };
/** Figures are tenths of a millisecond: a sum of two may be off by one. */
const grain = 0.2;

interface Run {
  home: TestHome;
  loader: LoaderProcess;
  /** From the request to stop to the end of the process. */
  stopMs: number;
}

/** Boots until the wake word is heard, stops, and looks that all of it went well. */
async function bootAndStop(env: Record<string, string>, o: AssistantOptions, look: (run: Run) => void) {
  await using home = new TestHome();
  const { config, portList } = assistant(home, o);
  await using loader = new LoaderProcess(home, ["up", "--config", config], { env });
  await loader.waitLine(/READY FOR WAKE WORD/);
  const asked = performance.now();
  assert.equal(await loader.interrupt(), 0, loader.log);
  const stopMs = performance.now() - asked;
  const wrong = loader.lines.filter(({ level, message }) =>
    level !== "INFO" && !/was not prepared before its turn/.test(message) // so says a busy machine
  );
  assert.deepEqual([...wrong.map(({ text }) => text), ...loader.errors], []);
  assert.deepEqual(home.boots().map(({ outcome }) => outcome), ["ready"]);
  look({ home, loader, stopMs });
  await home.assertNothingLeft(portList, loader.pid);
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: withoutPython, fn });
}

test("a boot is sent as one trace: under the boot its services in strict order, under each its stages", async () => {
  await using receiver = new OtlpReceiver();
  const before = Date.now();
  await bootAndStop({ ...exporterEnvironment(receiver.port), ...on }, {
    knobs: {
      kwd: { load_ms: 200 },
      stt: { warmup_ms: 150 },
      llm: { load_ms: 50 },
      tts: { warmup_ms: 80, speak_ms: 250 },
    },
    services: { llm: { prepare: { standby: true } } },
  }, ({ home }) => {
    // The runtime adds spans of its own for what goes over HTTP/2; they are no part of the boot's trace.
    assert.deepEqual([...new Set(receiver.spans.map(({ scope }) => scope))].filter((s) => s !== "deno"), [
      "alexa-loader",
    ]);
    const spans = receiver.spans.filter(({ scope }) => scope === "alexa-loader");
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1, "one trace");
    assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length, "each span once");
    const roots = spans.filter(({ parentSpanId }) => !parentSpanId);
    assert.deepEqual(roots.map(({ name }) => name), ["boot"]);

    const boot = roots[0]!;
    const origin = BigInt(boot.startTimeUnixNano);
    const from = (span: OtlpSpan) => Number(BigInt(span.startTimeUnixNano) - origin) / 1e6;
    const to = (span: OtlpSpan) => Number(BigInt(span.endTimeUnixNano) - origin) / 1e6;
    const childrenOf = (parent: OtlpSpan) =>
      spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId);

    // The right time of day, and the boot's own figure.
    const began = Number(origin / 1_000_000n);
    assert.ok(began > before - 500 && began + to(boot) < Date.now() + 500, `${before} ${began}`);
    assert.ok(Math.abs(to(boot) - Number(home.boots()[0]!.total_boot_ms)) < grain);

    // By their ends: one that is prepared begins with that, beside the service before it.
    const isOurs = ({ name }: OtlpSpan) => name === "precheck" || name.startsWith("greeting.");
    const services = childrenOf(boot).filter((span) => !isOurs(span)).sort((a, b) => to(a) - to(b));
    assert.deepEqual(services.map(({ name }) => name), [...roles]);
    assert.deepEqual(
      childrenOf(boot).filter(isOurs).toSorted((a, b) => from(a) - from(b)).map(({ name }) => name),
      ["precheck", "greeting.speak", "greeting.resume"],
      "each once; the greeting comes when the boot is over",
    );

    let known = 1;
    for (const parent of [boot, ...services]) {
      const children = childrenOf(parent);
      known += children.length;
      for (const span of children) {
        const said = `${span.name} ${from(span)}..${to(span)} in ${parent.name} ${from(parent)}..${
          to(parent)
        }`;
        assert.ok(to(span) > from(span), said);
        if (span.name.startsWith("greeting.")) assert.ok(from(span) > to(boot) - grain, said);
        else assert.ok(from(span) > from(parent) - grain && to(span) < to(parent) + grain, said);
      }
    }
    assert.equal(known, spans.length, "nothing hangs in the air");

    // Each service's stages follow on each other, and the next service's on them.
    const stages = services.flatMap((service) => {
      const mine = childrenOf(service).toSorted((a, b) => from(a) - from(b));
      assert.equal(
        mine[0]!.name === `${service.name}.prepare`,
        service.name === "llm",
        "only llm is prepared",
      );
      return mine.filter(({ name }) => !name.endsWith(".prepare"));
    });
    assert.deepEqual(
      stages.map(({ name }) => name),
      roles.flatMap((role) => ["start", "ready", "warmup"].map((stage) => `${role}.${stage}`)),
    );
    let end = to(childrenOf(boot).find(({ name }) => name === "precheck")!);
    for (const stage of stages) {
      assert.ok(from(stage) > end - grain, `${stage.name} at ${from(stage)}, before ${end}`);
      end = to(stage);
    }
    const named = (name: string) => spans.find((span) => span.name === name)!;
    assert.ok(
      from(named("llm.prepare")) < from(named("stt.warmup")),
      "the prepare runs beside the service before",
    );

    // As long as the services made them.
    const length = (name: string) => to(named(name)) - from(named(name));
    assert.ok(length("kwd.start") + length("kwd.ready") >= 200);
    assert.ok(length("stt.warmup") >= 150);
    assert.ok(length("tts.warmup") >= 80);
  });
});

const brief: AssistantOptions = { knobs: { tts: { speak_ms: 250 } } };

test("nothing is sent unless OTEL_DENO says so, wherever the receiver is", async () => {
  await using receiver = new OtlpReceiver();
  await bootAndStop(exporterEnvironment(receiver.port), brief, () => assert.deepEqual(receiver.requests, []));
});

test("a boot and its stop do not depend on the receiver: nobody listens at its port", async () => {
  await bootAndStop({ ...exporterEnvironment(lowPort()), ...on }, brief, ({ stopMs }) => {
    assert.ok(stopMs < 5000, `the stop took ${stopMs} ms`);
  });
});

test("a receiver that never answers holds nothing but the program's end, and that for the exporter's timeout", async () => {
  const taken: Deno.Conn[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const conn of listener) taken.push(conn);
  })();
  try {
    const env = { ...exporterEnvironment(listener.addr.port), ...on, OTEL_EXPORTER_OTLP_TIMEOUT: "500" };
    await bootAndStop(env, brief, ({ stopMs }) => {
      assert.ok(taken.length > 0, "it was asked");
      assert.ok(stopMs < 5000, `the stop took ${stopMs} ms`);
    });
  } finally {
    listener.close();
    await accepting;
    for (const conn of taken) conn.close();
  }
});
