/**
 * `doctor`: the failures that people really have, each with the command that mends it. `look/` takes one snapshot of
 * facts, bounded in time and without rights that a user lacks; `rules/` judge it and touch nothing.
 */
import { missingCommands } from "../clean_start/commands.ts";
import type { BootRecord } from "../model/boot_record.ts";
import type { DoctorReport } from "../model/doctor.ts";
import type { BootPlan } from "../model/plan.ts";
import type { LoaderStatus } from "../model/status.ts";
import { Redactor } from "../redact.ts";
import { deadline, systemClock } from "../sys/clock.ts";
import { readSmallFile } from "../sys/files/files.ts";
import { ownership } from "../sys/process/precheck.ts";
import { resolveDemo } from "../sys/self.ts";
import type { ConfigFacts, Facts, FolderFacts } from "./facts.ts";
import { judge } from "./judge.ts";
import { lookAtGpu } from "./look/gpu.ts";
import { lookAtLoader, treesOf } from "./look/loader.ts";
import { Looking } from "./look/looking.ts";
import { lookAtFolder, lookAtHost, lookAtMemory } from "./look/machine.ts";
import { lookAtModels, lookAtOllama, lookAtWakeWord } from "./look/models.ts";
import { lookAtNet } from "./look/net.ts";
import { lookAtSound } from "./look/sound.ts";

export { bundle } from "./bundle.ts";
export type { Facts } from "./facts.ts";

export interface DoctorOptions {
  /** Null without a configuration, or with one that is wrong: then only the machine is looked at. */
  plan: BootPlan | null;
  /** What is wrong with the configuration. */
  problems?: readonly string[];
  /** Of the running loader; null when none runs. */
  status: LoaderStatus | null;
  /** A loader is there and cannot be asked: why. */
  unanswered?: string | null;
  /** The last boots, oldest first. */
  records: readonly BootRecord[];
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** The whole look. What takes longer is given up, and told as not read. */
const lookMs = 1800;

/** Looks and judges; within 3 s. @throws only the signal's reason, when it is aborted. */
export async function diagnose(o: DoctorOptions): Promise<{ report: DoctorReport; facts: Facts }> {
  const began = systemClock.now();
  const { facts, unread } = await look(o);
  o.signal.throwIfAborted();
  const report = { ...judge(facts), unread, ms: Math.round(systemClock.now() - began) };
  const redactor = new Redactor(); // a stranger's command line is named, and may hold anything
  redactor.learn([o.env, o.plan]);
  return { report: redactor.value(report) as DoctorReport, facts };
}

async function look(o: DoctorOptions): Promise<{ facts: Facts; unread: string[] }> {
  const { plan, status, records, env } = o;
  using limit = deadline(systemClock, lookMs, o.signal);
  const looking = new Looking(limit.signal);
  const pid = status?.pid ?? null, trees = treesOf(status);
  const running = new Set([
    ...trees.keys(),
    ...plan?.services.filter(({ manage }) => manage === "external").map(({ name }) => name) ?? [],
  ]);
  const [host, memory, config, folders, gpu, sound, net, models, ollama, wake, loader] = await Promise.all([
    lookAtHost(env, pid),
    looking.ask("memory", null, () => lookAtMemory(pid)),
    lookAtConfig(looking, o, running),
    Promise.all(foldersOf(plan, env).map((folder) => lookAtFolder(looking, folder))),
    lookAtGpu(looking, { plan, records, trees, env }),
    looking.ask("sound", null, () => lookAtSound(looking, env)),
    lookAtNet(looking, { plan, running: status !== null, trees, env }),
    plan ? lookAtModels(looking, plan, env) : [],
    plan ? lookAtOllama(looking, plan, env) : [],
    plan ? lookAtWakeWord(looking, plan, running) : [],
    lookAtLoader({ plan, status, unanswered: o.unanswered ?? null, records, env }),
  ]);
  const facts = { host, memory, config, folders: folders.flat(), plan, loader, records, gpu, sound, net };
  return { facts: { ...facts, models, ollama, wake }, unread: looking.unread };
}

function foldersOf(plan: BootPlan | null, env: DoctorOptions["env"]) {
  const folders: Pick<FolderFacts, "name" | "path" | "own">[] = [
    { name: "temporary folder", path: env.TMPDIR || "/tmp", own: false },
    { name: "home folder", path: env.HOME || "/", own: false },
  ];
  const { state, log, runtime } = plan?.dirs ?? {};
  const own = { "state folder": state, "log folder": log, "runtime folder": runtime };
  for (const [name, path] of Object.entries(own)) {
    if (path !== undefined) folders.push({ name, path, own: true });
  }
  return folders;
}

async function lookAtConfig(
  looking: Looking,
  { plan, problems = [], env }: DoctorOptions,
  known: ReadonlySet<string>,
): Promise<ConfigFacts> {
  const { signal } = looking;
  const path = plan?.configPath ?? null;
  const text = path === null ? null : readSmallFile(path);
  const readable = ((path === null ? null : ownership(path))?.mode ?? 0) & 0o044;
  const missing = plan === null ? [] : await looking.ask(
    "the services' commands",
    [],
    async () => await missingCommands(plan, { resolve: resolveDemo, env, known, signal }),
  );
  return {
    path,
    problems: [...problems],
    exposed: text !== null && readable !== 0 && new Redactor().text(text) !== text,
    missing: missing.map(({ service, what }) => ({ service: service.name, what })),
  };
}
