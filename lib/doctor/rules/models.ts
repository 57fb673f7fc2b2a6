/** Models: not there, not whole, not in memory, or not the one that is meant. */
import type { ModelFacts, OllamaFacts } from "../facts.ts";
import { duration } from "../../ui/units.ts";
import { sameModel } from "../../protocols/ollama.ts";
import { type Case, type Rule, when } from "../rule.ts";

/** Sooner than this, Ollama's own five minutes are at work. */
const shortStayMs = 600_000;
const of = (
  models: readonly ModelFacts[],
  key: Exclude<keyof ModelFacts, "service">,
  mend?: (path: string) => string,
) =>
  models.flatMap(({ service, [key]: all }): Case[] =>
    all.map((what) => mend ? { what: `${service}: ${what}`, mend: mend(what) } : `${service}: ${what}`)
  );
const loaded = (ollama: readonly OllamaFacts[]) =>
  ollama.flatMap((one) => one.resident ? [{ ...one, resident: one.resident }] : []);
const judged = <T>(all: readonly T[], judge: (one: T) => Case[]): Case[] | null =>
  all.length === 0 ? null : all.flatMap(judge);

export const modelRules: Rule[] = [
  {
    id: "model-missing",
    severity: "fail",
    looksAt: "the files and folders that `cmd`, `model` and `prepare` name",
    sees: "A model that the configuration names is not there",
    why:
      "An update moved it, a disk is not mounted, or it was never fetched. Engines fail, or load something else.",
    mend: "Put the model there, or name the right place in the configuration",
    check: ({ models }) => models.length > 0 ? of(models, "problems") : null,
  },
  {
    id: "model-empty",
    severity: "warn",
    looksAt: "the folders that `cmd` and `env` name",
    sees: "A folder of models is empty",
    why:
      "An update moved its content, or a disk is not mounted. Engines fetch everything anew, which takes minutes, or fail offline.",
    mend: "Mount or fill it, or name the right folder in the configuration",
    check: ({ models }) => models.length > 0 ? of(models, "empty") : null,
  },
  {
    id: "model-dangling",
    severity: "fail",
    looksAt: "links in the Hugging Face cache",
    sees: "A file in the cache of models is a link to nothing",
    why:
      "The cache was cleaned or copied without its blobs. The engine sees the model, and fails to load it.",
    mend: "Remove the model's folder from the cache: it is fetched again",
    check: ({ models }) =>
      models.length > 0
        ? of(
          models,
          "dangling",
          (path) => `rm -r ${path.replace(/\/snapshots\/.*$/, "")}: it is fetched again`,
        )
        : null,
  },
  {
    id: "model-hollow",
    severity: "fail",
    looksAt: "the size and the beginning of model files",
    sees: "A model file is empty, or only Git's pointer to it",
    why: "A download was broken off, or a repository was cloned without Git LFS.",
    mend: "Fetch it again; in a Git clone: git lfs pull",
    check: ({ models }) => models.length > 0 ? of(models, "hollow") : null,
  },
  {
    id: "ollama-away",
    severity: "fail",
    looksAt: "Ollama's address",
    sees: "Ollama does not answer",
    why: "It is not running, or listens elsewhere than the configuration or OLLAMA_HOST says.",
    mend: "systemctl start ollama, or ollama serve",
    check: ({ ollama, plan }) =>
      judged(
        ollama.filter(({ service }) =>
          plan?.services.some((s) => s.name === service && s.manage === "external")
        ),
        ({ service, origin, installed }) =>
          when(installed === null, {
            what: `${service}: nothing that speaks as Ollama answers at ${origin}`,
            mend: "systemctl start ollama, or ollama serve; elsewhere: OLLAMA_HOST",
          }),
      ),
  },
  {
    id: "ollama-model",
    severity: "fail",
    looksAt: "Ollama's list of models",
    sees: "Ollama does not have the model",
    why:
      "It was not pulled on this machine, or by the user as whom Ollama now runs: each has a folder of its own.",
    mend: "ollama pull MODEL",
    check: ({ ollama }) =>
      judged(
        ollama.filter(({ installed, model }) => installed !== null && model !== null),
        ({ service, model, installed }) =>
          when(!installed!.some((one) => sameModel(model!, one)), {
            what: `${service}: Ollama has no ${model}; there is ${
              installed!.slice(0, 5).join(", ") || "none"
            }`,
            mend: `ollama pull ${model}`,
          }),
      ),
  },
  {
    id: "ollama-unload",
    severity: "warn",
    looksAt: "Ollama's list of models in memory",
    sees: "Ollama will unload the model soon",
    why:
      "A client that asks without keep_alive sets it back to five minutes, whatever the warm-up said; the next question then waits for the whole load.",
    mend: "Set OLLAMA_KEEP_ALIVE=-1 in Ollama's environment (sudo systemctl edit ollama) and restart it",
    check: ({ ollama }) =>
      judged(loaded(ollama), ({ model, resident: { unloadsInMs } }) =>
        when(
          unloadsInMs !== null && unloadsInMs < shortStayMs,
          `${model} leaves memory in ${duration(Math.max(0, unloadsInMs ?? 0))} unless it is asked before`,
        )),
  },
  {
    id: "ollama-context",
    severity: "warn",
    looksAt: "the context with which Ollama has loaded the model, and `kv_cache_tokens`",
    sees: "Ollama has loaded the model with another context than the configuration says",
    why:
      "A request with another num_ctx loads the model anew: the warm-up was for nothing, and clients that differ take turns.",
    mend: "Use the same num_ctx in every client, or set kv_cache_tokens to what they use",
    check: ({ ollama }) =>
      judged(
        loaded(ollama).filter(({ numCtx, resident }) => numCtx !== null && resident.context !== null),
        ({ service, model, numCtx, resident }) =>
          when(
            resident.context !== numCtx,
            `${service}: ${model} is loaded with a context of ${resident.context}, configured is ${numCtx}`,
          ),
      ),
  },
  {
    id: "ollama-split",
    severity: "warn",
    looksAt: "Ollama's list of models in memory",
    sees: "Ollama has part of the model on the CPU",
    why: "It did not fit into the GPU when it was loaded. Each answer is as slow as the part in main memory.",
    mend: "alexa-loader vram names who holds the memory; free it, then ollama stop MODEL",
    check: ({ ollama, gpu }) =>
      gpu.snapshot
        ? judged(loaded(ollama), ({ model, resident: { sizeMib, gpuMib } }) =>
          when(gpuMib < sizeMib, {
            what: `of ${model} ${gpuMib} MiB of ${sizeMib} MiB are on the GPU`,
            mend: `alexa-loader vram names who holds the memory; free it, then ollama stop ${model}`,
          }))
        : null,
  },
  {
    id: "wake-word",
    severity: "fail",
    looksAt: "what the wake word server offers",
    sees: "The wake word server does not know the wake word",
    why:
      "openWakeWord takes another word without a word about it: the assistant listens, but to a name that nobody says.",
    mend: "Configure one of the words it offers, or give it the model of yours (--custom-model-dir)",
    check: ({ wake }) =>
      judged(
        wake.flatMap(({ service, answer }) => answer ? [{ service, ...answer }] : []),
        ({ service, problem }) => when(problem !== null, `${service}: ${problem}`),
      ),
  },
  {
    id: "wake-unchecked",
    severity: "info",
    looksAt: "the readiness of the wake word service",
    sees: "Nobody checks which wake word is listened to",
    why: "A server that does not know the configured word takes another one silently.",
    mend: "Add `expect: { wake: alexa }` to the readiness of the wake word service",
    check: ({ wake }) =>
      judged(
        wake,
        ({ service, wanted }) =>
          when(wanted === null, `${service}: the configuration does not say which wake word is expected`),
      ),
  },
];
