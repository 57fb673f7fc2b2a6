/**
 * A service asked from outside any boot, once: what `probe`, `warm` and `greet` do for whoever supervises in our place
 * (systemd, an engine of containers). The same questions, warm-ups and greeting as in a boot, of the same plan; but whose
 * listener it is that answers is not asked, since here no process is ours. Spec: §6, §9, §10; CONTRACT §2, §4, §6.
 */
import { connectControl } from "../api/client.ts";
import { controlSocket } from "../api/types.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import type { Log } from "../log/mod.ts";
import type { GreetingReport } from "../model/boot_record.ts";
import { EventBus } from "../model/event_bus.ts";
import type { BootPlan, ProbeSpec, ServicePlan } from "../model/plan.ts";
import type { WarmupResult } from "../model/reports.ts";
import type { LoaderStatus } from "../model/status.ts";
import { describeProbe, kindOf } from "../probes/kinds.ts";
import { createProbe, type ProbeTarget, waitReady } from "../probes/mod.ts";
import { type ServiceContext, serviceVariable } from "../services/context.ts";
import { createService, KwdService, TtsService } from "../services/mod.ts";
import { deadline, systemClock as clock } from "../sys/clock.ts";
import { makePrivateDir, readSmallFile, writeAtomically, writeNew } from "../sys/files/files.ts";
import { environment, randomHex } from "../sys/host.ts";
import { type RunCommand, runCommand } from "../sys/process/command.ts";
import { machineBootId, readStat } from "../sys/process/procfs.ts";
import { resolveDemo } from "../sys/self.ts";
import { greet } from "../voice/greeting.ts";
import { greetingSentences } from "../voice/sentences.ts";
import { runWarmup } from "../warmups/mod.ts";

/** For one check that is not waited for, ms. */
const onceMs = 2000;

/** `unknowable`: only the loader that runs the service could tell, and none runs. */
export interface Answer {
  state: "ready" | "not_ready" | "unknowable";
  detail: string;
}

export interface AskOptions {
  signal: AbortSignal;
  /** Ask until it is ready, at most so long. Left out: once. */
  waitMs?: number | undefined;
  /** For one check; {@link onceMs} when left out. */
  timeoutMs?: number | undefined;
  /** Ask for its health instead of its readiness. */
  health?: boolean | undefined;
}

/** @throws LoaderError `unknown_service`. */
export function serviceOf({ services }: BootPlan, name: string): ServicePlan {
  const found = services.find((service) => service.name === name);
  if (found) return found;
  throw new LoaderError("unknown_service", `there is no service ${JSON.stringify(name)}`, {
    hint: `services: ${services.map((service) => service.name).join(", ")}`,
  });
}

/** Asks the probes of a service. Rejects only with the signal's reason, or where the loader that is asked fails. */
export async function probe(plan: BootPlan, service: ServicePlan, o: AskOptions): Promise<Answer> {
  const specs = o.health ? service.health.probes : service.readiness;
  const heard = specs.filter((spec) => kindOf(spec).hears !== undefined);
  if (heard.length > 0 || specs.length === 0) return await askLoader(plan, service, heard, o);
  const { signal, waitMs, timeoutMs = onceMs } = o;
  const deps = { clock, run: runOf(service), link: service.link };
  using held = new DisposableStack();
  const probes = specs.map((spec) => held.use(createProbe(spec, nobody(service.name), deps)));
  if (waitMs === undefined) {
    const results = await Promise.all(probes.map((probe) => probe.check({ signal, timeoutMs })));
    const { state, detail } = results.find(({ state }) => state !== "ready") ?? results[0]!;
    return { state: state === "ready" ? "ready" : "not_ready", detail };
  }
  let missing = "not asked yet";
  using limit = deadline(clock, waitMs, signal);
  try {
    const result = await waitReady(probes, {
      clock,
      signal: limit.signal,
      pollMaxMs: plan.pollMaxMs,
      timeoutMs,
      onWaiting: (detail) => missing = detail,
    });
    return { state: result.state === "ready" ? "ready" : "not_ready", detail: result.detail };
  } catch (error) {
    signal.throwIfAborted();
    if (!limit.signal.aborted) throw error;
    return { state: "not_ready", detail: `not within ${waitMs / 1000} s: ${missing}` };
  }
}

/** What a service prints or sends only its own loader hears: that one is asked, if there is one. */
async function askLoader(
  plan: BootPlan,
  { name }: ServicePlan,
  heard: readonly ProbeSpec[],
  { waitMs = 0, signal }: AskOptions,
): Promise<Answer> {
  for (const end = clock.now() + waitMs;;) {
    const status = await runningLoader(plan, signal);
    if (status === null) {
      const what = heard.length > 0 ? heard.map(describeProbe).join(" and ") : "its process lives";
      return {
        state: "unknowable",
        detail: `only the loader that runs it hears that (${what}), and none runs`,
      };
    }
    const state = status.services.find((service) => service.name === name)?.state ?? "unknown";
    const detail = `the running loader says that it is ${state}`;
    if (state === "up") return { state: "ready", detail };
    if (clock.now() >= end) return { state: "not_ready", detail };
    await clock.sleep(plan.pollMaxMs, signal);
  }
}

/** What the running loader of this configuration says; null when there is none. */
async function runningLoader(plan: BootPlan, signal: AbortSignal): Promise<LoaderStatus | null> {
  try {
    return await connectControl(controlSocket(plan.dirs.runtime), { config: plan.configPath }).status(signal);
  } catch (error) {
    if (error instanceof LoaderError && error.code === "not_running") return null;
    throw error;
  }
}

/** Warms a service up. `once`: null where that was done since this machine, or this container, was started. */
export async function warm(
  plan: BootPlan,
  service: ServicePlan,
  o: { signal: AbortSignal; timeoutMs?: number | undefined; once?: boolean | undefined },
): Promise<WarmupResult | null> {
  const mark = `${plan.dirs.runtime}/warmed-${service.name}`;
  const start = `${machineBootId()} ${readStat(1)?.startTime}`;
  if (o.once && readSmallFile(mark) === start) return null;
  const { timeoutMs = service.warmup.timeoutMs } = o;
  const spec = { ...service.warmup, timeoutMs };
  const result = await runWarmup(spec, {
    ...{ clock, signal: o.signal, run: runOf(service), link: service.link },
  });
  if (o.once && (result.state !== "failed" || !spec.required)) {
    marking(plan, () => writeAtomically(mark, start));
  }
  return result;
}

/**
 * Greets as a boot does at its end, at most once while the machine runs, whoever asks: the mark in the runtime folder is
 * set before anything is said. Otherwise it answers in words who has.
 */
export async function greetOnce(
  plan: BootPlan,
  log: Log,
  signal: AbortSignal,
): Promise<GreetingReport | string> {
  if (await runningLoader(plan, signal)) return "the running loader greets by itself";
  const mark = `${plan.dirs.runtime}/greeted-${machineBootId()}`;
  if (!marking(plan, () => writeNew(mark, "", 0o600))) return `greeted before, as ${mark} says`;
  const events = new EventBus((error) => log.error("LOADER", reasonOf(error)));
  events.observe(greetingSentences(log, () => plan.services));
  const bootId = randomHex(16);
  const nobodys = { onSpawned() {}, onGone() {} };
  const context: ServiceContext = {
    ...{ bootId, clock, log, emit: events.emit, environment: environment(), runtimeDir: plan.dirs.runtime },
    ...{ keep: null, resolve: resolveDemo, seen() {}, commands: nobodys, ...nobodys },
  };
  await using made = new AsyncDisposableStack();
  const services = plan.services.map((service) =>
    made.use(createService({ ...service, manage: "external" }, context))
  );
  return await greet({
    plan: plan.greeting,
    kwd: services.find((service) => service instanceof KwdService) ?? null,
    tts: services.find((service) => service instanceof TtsService) ?? null,
    ...{ clock, emit: events.emit, bootId, signal },
  });
}

/** Writes a mark into the runtime folder. @throws LoaderError `state_unwritable`. */
function marking<T>({ dirs: { runtime } }: BootPlan, write: () => T): T {
  try {
    makePrivateDir(runtime);
    return write();
  } catch (error) {
    throw new LoaderError("state_unwritable", `cannot write into ${runtime}: ${reasonOf(error)}`, {
      hint: "XDG_RUNTIME_DIR names another place for it",
    });
  }
}

/** Commands run for the service as it runs itself: in its folder, with its environment. */
export function runOf(service: ServicePlan): RunCommand {
  const always = {
    cwd: service.workdir,
    env: { ...service.env, [serviceVariable]: service.name },
  };
  return (argv, limits) => runCommand(argv, { ...limits, ...always });
}

/** A service of which nothing is known but its name. */
function nobody(name: string): ProbeTarget {
  const nothing = () => ({ [Symbol.dispose]() {} });
  return {
    ...{ name, leaderPid: () => null, processTree: () => null },
    ...{ onLine: nothing, notifiedReady: false, onNotifyReady: nothing },
  };
}
