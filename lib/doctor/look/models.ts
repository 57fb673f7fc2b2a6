/** Models on disk, in Ollama, and the word that a wake word server listens to. */
import type { BootPlan, ServicePlan } from "../../model/plan.ts";
import { type Engine, engineOf } from "../../prewarm/engine.ts";
import { findModelFiles } from "../../prewarm/find.ts";
import { kindByName } from "../../prewarm/kinds.ts";
import { isOllama } from "../../probes/ollama.ts";
import { isWyoming, wyoming } from "../../probes/wyoming.ts";
import { ollamaModels, ollamaResident, sameModel } from "../../protocols/ollama.ts";
import { ollamaOrigin } from "../../protocols/ollama_address.ts";
import { systemClock } from "../../sys/clock.ts";
import { fileTree } from "../../sys/files/file_tree.ts";
import { isOllama as isOllamaWarmup } from "../../warmups/ollama.ts";
import type { ModelFacts, OllamaFacts, WakeFacts } from "../facts.ts";
import type { Looking } from "./looking.ts";

type Env = Readonly<Record<string, string | undefined>>;

const askMs = 900;
const lookedAt = 500;
const pointer = "version https://git-lfs";
const wordOptions = /^--(?:preload-model|wake-word(?:-name)?|keyword|wakeword)$/;

export async function lookAtModels(looking: Looking, plan: BootPlan, env: Env): Promise<ModelFacts[]> {
  const home = env.HOME ?? "/nonexistent";
  const found = await Promise.all(
    plan.services.filter(({ manage }) => manage === "spawn").map((service) =>
      looking.ask(`models of ${service.name}`, [], async () => {
        const engine = engineOf(service, home);
        if (engine.models.length === 0 && engine.paths.length === 0 && service.prepare.globs.length === 0) {
          return [];
        }
        return [await modelFiles(looking, service, engine, { env, home })];
      })
    ),
  );
  return found.flat();
}

async function modelFiles(
  { signal }: Looking,
  service: ServicePlan,
  engine: Engine,
  { env, home }: { env: Env; home: string },
): Promise<ModelFacts> {
  const { files, problems } = await findModelFiles(service, { tree: fileTree, signal, env, home });
  const models = files.filter(({ kind }) => kind === "model");
  const hollow: string[] = [];
  for (const { path, size } of models) {
    if (size === 0) hollow.push(`${path} is empty`);
    else if (size < 1024 && (await fileTree.text(path))?.startsWith(pointer)) {
      hollow.push(`${path} is a pointer of Git LFS`);
    }
  }
  const { missing, empty } = models.length === 0
    ? await namedInVain(service, engine)
    : { missing: [], empty: [] };
  return {
    service: service.name,
    problems: [...problems.filter((text) => text.startsWith("no file matches")), ...missing],
    empty,
    dangling: await dangling(engine, env, home),
    hollow,
  };
}

/** Of what is written as a model or as a place of models: what is not there, and folders with nothing in them. */
async function namedInVain(
  service: ServicePlan,
  engine: Engine,
): Promise<{ missing: string[]; empty: string[] }> {
  const written = [...service.argv.slice(1), ...Object.values(service.env)].join("\n");
  const missing: string[] = [], empty: string[] = [];
  for (const path of engine.paths) {
    if (!written.includes(path)) continue; // made absolute by us: it may be a name, or a plain word
    const isFile = kindByName(path) === "model", facts = await fileTree.look(path);
    if (facts === null && (isFile || !engine.stores.has(path))) missing.push(`${path} is not there`);
    else if (facts?.kind === "dir" && (await fileTree.list(path, 1)).length === 0) empty.push(path);
  }
  return { missing, empty };
}

/** Links to nothing among what Hugging Face's cache has of these models. */
async function dangling(engine: Engine, env: Env, home: string): Promise<string[]> {
  const hub = env.HF_HUB_CACHE ||
    `${env.HF_HOME || `${env.XDG_CACHE_HOME || `${home}/.cache`}/huggingface`}/hub`;
  const names = engine.models.map((name) => name.slice(name.lastIndexOf("/") + 1).toLowerCase());
  const broken: string[] = [];
  for (const { name } of await fileTree.list(hub, lookedAt)) {
    if (!name.startsWith("models--") || !names.some((own) => name.toLowerCase().endsWith(`-${own}`))) {
      continue;
    }
    const snapshots = `${hub}/${name}/snapshots`;
    for (const snapshot of await fileTree.list(snapshots, lookedAt)) {
      for (const file of await fileTree.list(`${snapshots}/${snapshot.name}`, lookedAt)) {
        const path = `${snapshots}/${snapshot.name}/${file.name}`;
        if (file.link && await fileTree.look(path) === null) broken.push(path);
      }
    }
  }
  return broken;
}

/** Ollama behind each service that has it as server, asked. */
export async function lookAtOllama(looking: Looking, plan: BootPlan, env: Env): Promise<OllamaFacts[]> {
  const found = await Promise.all(plan.services.map(async (service) => {
    const { name, warmup, readiness, engine } = service;
    const told = isOllamaWarmup(warmup) ? warmup : null, probe = readiness.find(isOllama);
    if (told === null && probe === undefined && engine.server !== "ollama") return [];
    const origin = probe?.url ?? told?.url ?? ollamaOrigin(service.env, env);
    const model = probe?.model ?? told?.model ?? engine.model;
    const ask = { signal: looking.signal, timeoutMs: askMs, clock: systemClock };
    const silent = () => null; // that it does not answer is an answer
    const [installed, inMemory] = await looking.ask(
      `Ollama at ${origin}`,
      [null, null],
      () => Promise.all([ollamaModels(origin, ask).catch(silent), ollamaResident(origin, ask).catch(silent)]),
    );
    const entry = model === null ? undefined : inMemory?.find((one) => sameModel(model, one.name));
    const until = Date.parse(entry?.expiresAt ?? "") - systemClock.wall().getTime();
    const resident = entry && {
      sizeMib: Math.round(entry.size / 2 ** 20),
      gpuMib: Math.round(entry.sizeVram / 2 ** 20),
      unloadsInMs: Number.isFinite(until) ? until : null,
      context: entry.contextLength ?? null,
    };
    return [{
      service: name,
      origin,
      model,
      numCtx: told?.numCtx ?? null,
      installed,
      resident: resident ?? null,
    }];
  }));
  return found.flat();
}

/** `running`: services that can be asked. */
export async function lookAtWakeWord(
  looking: Looking,
  plan: BootPlan,
  running: ReadonlySet<string>,
): Promise<WakeFacts[]> {
  const found = await Promise.all(plan.services.map(async (service) => {
    const probe = service.readiness.find(isWyoming);
    if (service.role !== "kwd" || probe === undefined) return [];
    const option = service.argv.findIndex((word) => wordOptions.test(word));
    const wanted = probe.expect.wake ?? (option < 0 ? null : service.argv[option + 1] ?? null);
    if (wanted === null || !running.has(service.name)) {
      return [{ service: service.name, wanted, answer: null }];
    }
    const answer = await looking.ask(`wake words of ${service.name}`, null, async () => {
      const spec = { ...probe, expect: { wake: wanted } };
      const { check } = wyoming.create(spec, nobody, { clock: systemClock, run: neverRun });
      const { state, detail } = await check({ signal: looking.signal, timeoutMs: askMs });
      return state === "ready" ? { problem: null } : state === "wrong" ? { problem: detail } : null;
    });
    return [{ service: service.name, wanted, answer }];
  }));
  return found.flat();
}

const nobody: Parameters<typeof wyoming.create>[1] = {
  name: "doctor",
  leaderPid: () => null,
  processTree: () => null,
  onLine: () => ({ [Symbol.dispose]() {} }),
  notifiedReady: false,
  onNotifyReady: () => ({ [Symbol.dispose]() {} }),
};
const neverRun = () => Promise.reject(new Error("a Wyoming probe runs no command"));
