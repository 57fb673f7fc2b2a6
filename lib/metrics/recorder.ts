/** Collects one boot's spans and figures while it happens. Spec: §11; CONTRACT §10. */
import type { Clock } from "../sys/clock.ts";
import { recordLimits } from "./record.ts";
import type { BootRecord, ServiceFigures, Span } from "../model/boot_record.ts";
import type { Stage } from "../model/events.ts";

/** The figure that a stage's length is. From spawn to ready is more than one stage, and the unit's to say; a backoff has none. */
const figureOf = {
  prepare: "prepare_async_ms",
  start: "start_ms",
  ready: null,
  warmup: "warmup_ms",
  backoff: null,
} as const;

/** Something that is going on. Disposal ends it without counting it as done: no figure is set. */
export interface OpenSpan extends Disposable {
  /** It is done: closes the span, sets the stage's figure; gives its length in ms. A second call changes nothing. */
  end(): number;
}

/** What is known of a boot before it begins. */
export interface BootFacts {
  boot: string;
  version: string;
  /** The configuration's path. */
  config: string;
  deno: string;
}

/** Figures that have a stage of their own are set by it; these and corrections come through `set`. */
export type Figures = Partial<Omit<ServiceFigures, "name">>;

/** The figures of one service. */
export interface ServiceRecorder {
  /** Begins a stage now; its span is named `<service>.<stage>`. `start` also counts an attempt. */
  stage(stage: Stage): OpenSpan;
  /** Overrides figures; absent ones stay as they are. */
  set(figures: Figures): void;
}

/** A tenth of a millisecond is as fine as these figures mean anything. Never below 0, which no reader would accept. */
const round = (ms: number) => Math.max(0, Math.round(ms * 10) / 10);

interface Running {
  name: string;
  service: string | null;
  from: number;
  to: number | null;
}

/** One per boot. All times are taken from `clock`; `origin` is the program's own process start on it, in ms. */
export class BootRecorder {
  #clock: Clock;
  #origin: number;
  #facts: BootFacts;
  #at: string;
  #spans: Running[] = [];
  #services = new Map<string, ServiceFigures>();
  #vram: BootRecord["vram"] = [];
  #greeting: BootRecord["greeting"] = {
    outcome: "none",
    greeting_speak_ms: null,
    kwd_resume_after_ms: null,
    over_budget: null,
  };
  #total: number | null = null;
  #cuda: number | null = null;
  #driver: string | null = null;

  constructor(clock: Clock, origin: number, facts: BootFacts) {
    this.#clock = clock;
    this.#origin = origin;
    this.#facts = facts;
    this.#at = new Date(clock.wall().getTime() - (clock.now() - origin)).toISOString();
  }

  /** Milliseconds since the program's start. */
  elapsed(): number {
    return round(this.#clock.now() - this.#origin);
  }

  /** Begins a span now: "precheck", "greeting.speak", … For the stages of a service use {@link service}. */
  span(name: string, service: string | null = null): OpenSpan {
    return this.#open(name, service, () => {});
  }

  /** Adds a span that is over, with its times on the clock. */
  add(name: string, service: string | null, from: number, to: number): void {
    if (this.#spans.length < recordLimits.spans) this.#spans.push({ name, service, from, to });
  }

  /** The figures of `name`, which is `not_started` until something is said about it. */
  service(name: string): ServiceRecorder {
    const figures = this.#figures(name);
    return {
      stage: (stage) => {
        if (stage === "start") figures.attempts++;
        return this.#open(`${name}.${stage}`, name, (ms) => {
          const figure = figureOf[stage];
          if (figure) figures[figure] = ms;
        });
      },
      set: (some) => void Object.assign(figures, some),
    };
  }

  /** SYSTEM_READY (or DEGRADED) is now; gives `total_boot_ms`. Only the first call counts. */
  ready(): number {
    return this.#total ??= this.elapsed();
  }

  /** An earlier version of this program saw it. */
  goOn(totalMs: number | null): void {
    this.#total = totalMs;
  }

  /** What `ready()` gave; null before. */
  get totalMs(): number | null {
    return this.#total;
  }

  /** The first compute process of our tree was seen now. Only the first call counts. */
  cudaContext(): void {
    this.#cuda ??= this.elapsed();
  }

  /** Version of the GPU's driver. */
  driver(version: string): void {
    this.#driver = version;
  }

  greeting(
    outcome: string,
    figures: {
      greeting_speak_ms?: number | null;
      kwd_resume_after_ms?: number | null;
      over_budget?: string | null;
    } = {},
  ): void {
    const ms = (figure: number | null = null) => figure === null ? null : round(figure);
    this.#greeting = {
      outcome,
      greeting_speak_ms: ms(figures.greeting_speak_ms),
      kwd_resume_after_ms: ms(figures.kwd_resume_after_ms),
      over_budget: figures.over_budget ?? null,
    };
  }

  /** GPU memory in use after `stage`, and the change since the snapshot before. */
  vram(stage: string, usedMib: number, deltaMib: number): void {
    if (this.#vram.length >= recordLimits.spans) return;
    this.#vram.push({ stage, at_ms: this.elapsed(), used_mib: usedMib, delta_mib: deltaMib });
  }

  /** The record so far; may be asked for more than once. What is still going on appears with its length until now. */
  record(outcome: BootRecord["outcome"]): BootRecord {
    const now = this.#clock.now();
    const spans = this.#spans
      .map(({ name, service, from, to }): Span => ({
        name,
        service,
        at_ms: round(from - this.#origin),
        ms: round((to ?? now) - from),
      }))
      .sort((a, b) => a.at_ms - b.at_ms);
    const services = [...this.#services.values()].map((figures) => ({ ...figures }));
    fillGateLags(services, spans);
    return {
      format: 1,
      boot: this.#facts.boot,
      at: this.#at,
      version: this.#facts.version,
      config: this.#facts.config,
      outcome,
      total_boot_ms: this.#total,
      first_cuda_context_ms: this.#cuda,
      services: services.map(rounded),
      greeting: { ...this.#greeting },
      vram: [...this.#vram],
      spans,
      versions: { deno: this.#facts.deno, driver: this.#driver },
    };
  }

  #open(name: string, service: string | null, done: (ms: number) => void): OpenSpan {
    const span: Running = { name, service, from: this.#clock.now(), to: null };
    if (this.#spans.length < recordLimits.spans) this.#spans.push(span); // a crash loop must not fill the memory
    const close = (): boolean => {
      if (span.to !== null) return false;
      span.to = this.#clock.now();
      return true;
    };
    return {
      end: () => {
        const first = close();
        const ms = round(span.to! - span.from);
        if (first) done(ms);
        return ms;
      },
      [Symbol.dispose]: () => void close(),
    };
  }

  #figures(name: string): ServiceFigures {
    let figures = this.#services.get(name);
    if (!figures) {
      figures = {
        name,
        attempts: 0,
        outcome: "not_started",
        prepare_async_ms: null,
        start_ms: null,
        time_to_ready_ms: null,
        warmup_ms: null,
        gate_lag_ms: null,
        prepared_bytes: null,
        cached_share: null,
        adopted: false,
      };
      this.#services.set(name, figures);
    }
    return figures;
  }
}

/** True for a span in which a service holds the gate; its prepare runs beside the service before it. */
export function holdsGate(span: Span): boolean {
  return span.service !== null && !span.name.endsWith(".prepare") && !span.name.startsWith("greeting.");
}

/** Where the boot did not say it: from the end of a service's last stage to the next one's first after it. */
function fillGateLags(services: ServiceFigures[], spans: Span[]): void {
  const gates = spans.filter(holdsGate);
  for (const [i, figures] of services.entries()) {
    const next = services[i + 1]?.name;
    if (!next || figures.outcome !== "up" || figures.gate_lag_ms !== null) continue;
    const mine = gates.filter((span) => span.service === figures.name);
    if (mine.length === 0) continue;
    const opened = Math.max(...mine.map((span) => span.at_ms + span.ms));
    const entered = gates.find((span) => span.service === next && span.at_ms > opened - 0.2); // both were rounded
    if (entered) figures.gate_lag_ms = Math.max(0, entered.at_ms - opened);
  }
}

function rounded(figures: ServiceFigures): ServiceFigures {
  const ms = (figure: number | null) => figure === null ? null : round(figure);
  return {
    ...figures,
    prepare_async_ms: ms(figures.prepare_async_ms),
    start_ms: ms(figures.start_ms),
    time_to_ready_ms: ms(figures.time_to_ready_ms),
    warmup_ms: ms(figures.warmup_ms),
    gate_lag_ms: ms(figures.gate_lag_ms),
  };
}
