/** A real OTLP/HTTP receiver on a free port: keeps every span that is sent to it as JSON, and what it was asked for. */

export interface OtlpSpan {
  /** Name of the instrumentation scope: who made the span. */
  scope: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Record<string, unknown> }[];
  events: { name: string; timeUnixNano: string }[];
  status?: { code?: number; message?: string };
}

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: OtlpSpan[] = [];
  /** Paths of all requests, whatever they carried: traces, metrics, logs. */
  readonly requests: string[] = [];
  readonly port: number;
  #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      const { pathname } = new URL(request.url);
      this.requests.push(pathname);
      const body = await request.json();
      if (pathname === "/v1/traces") {
        for (const { scopeSpans } of body.resourceSpans) {
          for (const { scope, spans } of scopeSpans) {
            for (const span of spans) this.spans.push({ ...span, scope: scope?.name ?? "" });
          }
        }
      }
      return Response.json({});
    });
    this.port = this.#server.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** What makes Deno's exporter send to `port`, once OTEL_DENO is set too. */
export function exporterEnvironment(port: number): Record<string, string> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_SERVICE_NAME: "alexa-loader",
    NO_PROXY: "127.0.0.1",
  };
}
