/** Ready when Ollama answers and has the model on disk. Whether it is in memory is the warm-up's business. Spec: §6; CONTRACT §2. */
import { checkUrl } from "../address.ts";
import type { ProbeSpec } from "../model/plan.ts";
import { ollamaModels, ollamaVersion, sameModel } from "../protocols/ollama.ts";
import { ollamaOrigin } from "../protocols/ollama_address.ts";
import { elsewhere, owner, probeKind, urlPort, usualOwner } from "./kind.ts";
import { attempt, ready, waiting, wrong } from "./results.ts";

type OllamaSpec = { url: string; model: string | null };

export const ollama = probeKind({
  type: "ollama",
  schema: (shapes) => {
    const { z, text } = shapes;
    return z.strictObject({
      type: z.literal("ollama").describe("Ready when Ollama answers and has the model"),
      url: text().optional().describe("Ollama's address; `OLLAMA_HOST`, else port 11434, when left out"),
      model: text(255).optional().describe(
        "Model that must be in its list; the service's `model` when left out",
      ),
      owner: owner(shapes, `,${elsewhere}, or beside a probe of the service's own port`),
    });
  },
  portOf: urlPort,
  // Ollama may well stand behind the service, which then has a port of its own.
  usualOwner: (host, besideOwnPort) => besideOwnPort ? "any" : usualOwner(host),
  rules: ({ path, raw }, _context, found) => checkUrl(raw.url, [...path, "url"], found),
  plan: ({ url, model }, { service, env }): OllamaSpec => ({
    url: url?.replace(/\/+$/, "") ?? ollamaOrigin(service.env, env),
    model: model ?? service.model ?? null,
  }),
  describe: ({ url, model }) => `ollama ${url}${model === null ? "" : ` has ${model}`}`,
  create: ({ url, model }, _target, { clock, link }) => ({
    check: (options) =>
      attempt(clock, options, async (signal) => {
        const ask = { signal, timeoutMs: options.timeoutMs, clock, link };
        const version = await ollamaVersion(url, ask);
        if (version === null) return wrong("what answers there is not Ollama");
        const label = `Ollama ${version.slice(0, 40)}`;
        if (model === null) return ready(label);
        const models = await ollamaModels(url, ask);
        if (models === null) return waiting(`${label}, but its list of models makes no sense`);
        if (models.some((listed) => sameModel(model, listed))) return ready(`${label}, ${model}`);
        const there = models.slice(0, 8).map((name) => name.slice(0, 60)).join(", ") || "no model";
        return wrong(`${label} has no model ${model} (\`ollama pull ${model}\`); there is ${there}`);
      }),
  }),
});

/** For whoever wants to know which Ollama stands behind a service. */
export function isOllama(probe: ProbeSpec): probe is ProbeSpec & OllamaSpec {
  return probe.type === ollama.type;
}
