/** An OpenAI-style TTS (Kokoro, Speaches, openedai-speech, …): `/v1/audio/speech`, its sound played here. Spec: §10; CONTRACT §5. */
import { openaiSpeech } from "../protocols/openai.ts";
import { soundOf } from "../protocols/sound.ts";
import { HttpError } from "../sys/net/http.ts";
import { isLost, quoted } from "./answers.ts";
import { controlKind, needed } from "./kind.ts";
import { checkOutput, describeOutput, type Output, outputKeys, planOutput, play } from "./output.ts";

type OpenaiSpec = { kind: string; url: string; model: string | null; voice: string | null } & Output;

const mostBytes = 50 << 20;

export const openai = controlKind({
  kind: "openai",
  schema: (shapes) => {
    const { z, text } = shapes;
    return z.strictObject({
      kind: z.literal("openai").describe("An OpenAI-style server: `/v1/audio/speech`, its sound played here"),
      url: text().optional().describe(
        "The server's base address, without `/v1/…`; the readiness URL's when left out",
      ),
      model: text(255).optional().describe("Model; the service's `model` when left out"),
      voice: text(255).optional().describe("Voice to speak with; `default_voice` when left out"),
      ...outputKeys(shapes),
    });
  },
  rules(control, service, found) {
    if (control.url === undefined) needed("url", ["http"], service, found);
    checkOutput(control, service, found);
  },
  plan(config, context) {
    const { service, origin } = context;
    const spec: OpenaiSpec = {
      kind: "openai",
      url: config.url?.replace(/\/+$/, "") ?? origin!, // the rules saw to it
      model: config.model ?? service.model ?? null,
      voice: config.voice ?? service.default_voice ?? null,
      ...planOutput(config, context),
    };
    return spec;
  },
  describe: (spec) => `openai ${spec.url} speech, sound to ${describeOutput(spec)}`,
  engine: ({ url, model, voice }) => ({ speaks: "openai", url, model, voice, language: null }),
  offers: (_control, verb) => verb === "speak",
  async speak(spec, { text }, ask) {
    const what = "/v1/audio/speech";
    try {
      const { model, voice } = spec;
      const answer = await openaiSpeech(spec.url, { model, voice, text, keep: mostBytes }, ask);
      if (answer.status === 404 || answer.status === 405 || answer.status === 501) {
        return { state: "not_offered", detail: `${what} answered ${answer.status}${quoted(answer.text)}` };
      }
      if (answer.status !== 200) {
        return { state: "failed", detail: `${what} answered ${answer.status}${quoted(answer.text)}` };
      }
      const sound = answer.truncated ? null : soundOf(answer.kept);
      if (sound === null || sound.samples.length === 0) {
        return { state: "failed", detail: `${what} gave no WAV file that can be played` };
      }
      return await play(sound, spec, ask);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const failed = { state: "failed", detail: `${what}: ${error.message}` } as const;
      return isLost(error) ? { ...failed, lost: true } : failed;
    }
  },
});
