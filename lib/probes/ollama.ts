/** Ready when Ollama answers and has the model on disk. Whether it is in memory is the warm-up's business. Spec: §6; CONTRACT §2. */
import { ollamaModels, ollamaVersion, sameModel } from "../protocols/ollama.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { attempt, type ProbeDeps, ready, waiting, wrong } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

type OllamaSpec = Extract<ProbeSpec, { type: "ollama" }>;

export function create(spec: OllamaSpec, _target: ProbeTarget, { clock }: ProbeDeps): Probe {
  return {
    description: `ollama ${spec.url}${spec.model ? ` has ${spec.model}` : ""}`,
    check: (options) =>
      attempt(clock, options, async (signal) => {
        const ask = { signal, timeoutMs: options.timeoutMs, clock };
        const version = await ollamaVersion(spec.url, ask);
        if (version === null) return wrong("what answers there is not Ollama");
        const label = `Ollama ${version.slice(0, 40)}`;
        const { model } = spec;
        if (model === null) return ready(label);
        const models = await ollamaModels(spec.url, ask);
        if (models === null) return waiting(`${label}, but its list of models makes no sense`);
        if (models.some((listed) => sameModel(model, listed))) return ready(`${label}, ${model}`);
        const there = models.slice(0, 8).map((name) => name.slice(0, 60)).join(", ") || "no model";
        return wrong(`${label} has no model ${model} (\`ollama pull ${model}\`); there is ${there}`);
      }),
    [Symbol.dispose]() {},
  };
}
