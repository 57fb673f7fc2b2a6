/**
 * The assistant proves that it hears and speaks, without any sound: its voice says the wake word and a sentence, the wake
 * service and the STT get to hear that, the LLM is asked for a token. Each over a connection of its own, so that nobody who
 * listens in earnest hears of it. Spec: §10, §13; docs/contract.md §11.
 */
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import type {
  SelftestProblem,
  SelftestReport,
  SoundFigures,
  StageName,
  StageReport,
} from "../model/selftest.ts";
import { lengthMs, type Sound } from "../protocols/sound.ts";
import type { RunCommand } from "../sys/process/command.ts";
import { printable, seconds } from "../text.ts";
import { coldCheck, runWarmup } from "../warmups/mod.ts";
import {
  type Ask,
  engineOf,
  listen,
  NoAnswer,
  serviceFor,
  speak,
  type Spoken,
  understand,
  wakeCandidates,
  wakeWordsOf,
} from "./engines.ts";
import { devicesOf } from "./devices.ts";
import { type HeardOutcome, hearItself } from "./heard.ts";
import { isNamed } from "../protocols/wyoming.ts";
import { peakOf, soundOf } from "./speech.ts";
import { align } from "./words.ts";

export interface SelftestOptions extends Pick<Ask, "clock" | "signal"> {
  boot: string;
  /** Commands as a service runs them; for an LLM that is warmed by one. */
  run(service: ServicePlan): RunCommand;
  /** What is said; a short question, or where another language is spoken the greeting. */
  sentence?: string | undefined;
  /** Also with sound; `quietly` sees to it that the wake word does not hear it. */
  sound?: { run: RunCommand; quietly<T>(act: () => Promise<T>): Promise<T> } | undefined;
}

/** Short, and understood by the smallest engines. */
const usualSentence = "What time is it?";
/** Quieter than this is no voice (of 32768): 44 dB below the loudest. */
const leastPeak = 200;
/** A detector must have heard something, be it silence, before it hears a word; and something after it. */
const runInMs = 2000, runOutMs = 1000;
/** A question may lose a word in four, or one of a short one. */
const mayBeWrong = (words: number) => Math.max(1, Math.floor(words / 4));
const shortMs = 3000, longestMs = 120_000;
const longestText = 600;

type Outcome = Partial<StageReport> & Pick<StageReport, "text">;
const failed = (problem: SelftestProblem, text: string): Outcome => ({ verdict: "failed", problem, text });
const notTested = (text: string): Outcome => ({ verdict: "not_tested", text });
const isVoice = (spoken: Spoken) => peakOf(spoken.speech) >= leastPeak;
const protocols = (what: string) =>
  `${what}: it is asked in no protocol that is known here (Wyoming, OpenAI style)`;

/** Tests what can be tested. Rejects only with the signal's reason. */
export async function selftest(plan: BootPlan, options: SelftestOptions): Promise<SelftestReport> {
  return await new Selftest(plan, options).report();
}

class Selftest {
  #plan: BootPlan;
  #o: SelftestOptions;
  #tts: ServicePlan | null;
  #cold: string | null = null;

  constructor(plan: BootPlan, options: SelftestOptions) {
    this.#plan = plan;
    this.#o = options;
    this.#tts = serviceFor(plan, "tts");
  }

  async report(): Promise<SelftestReport> {
    const { clock, boot } = this.#o, at = clock.wall().toISOString();
    const stt = serviceFor(this.#plan, "stt"), llm = serviceFor(this.#plan, "llm");
    // First of all: what follows would bring it back into memory.
    if (llm) this.#cold = await coldCheck(llm.warmup)?.(this.#ask(llm, shortMs)) ?? null;
    const { stage: tts, sentence, spoken } = await this.#voice();
    const wake = await this.#wake();
    const heard = await this.#stage("stt", stt?.name, () => this.#hearing(stt, sentence, spoken));
    const answer = await this.#stage("llm", llm?.name, () => this.#thought(llm));
    const parts = [heard.ms, answer.ms, tts.first_ms];
    const sum = parts.every((ms) => ms !== null) ? parts.reduce((sum, ms) => sum + ms, 0) : null;
    const stages = [tts, wake, heard, answer];
    let sound: SoundFigures | null = null;
    if (this.#o.sound) {
      stages.push(
        await this.#stage("sound", tts.service ?? undefined, async () => {
          if (!spoken) return notTested("there is no speech to play");
          const { figures, problem, text } = await this.#aloud(spoken.sound);
          sound = figures;
          return problem ? failed(problem, text) : { text };
        }),
      );
    }
    return { format: 1, at, boot, stages, first_audio_ms: sum, sound };
  }

  async #aloud(sound: Sound): Promise<HeardOutcome> {
    const { run, quietly } = this.#o.sound!;
    return await quietly(() =>
      hearItself(sound, devicesOf(this.#plan, run), { ...this.#o, timeoutMs: longestMs })
    );
  }

  #ask({ warmup }: ServicePlan, timeoutMs = warmup.timeoutMs): Ask {
    return { clock: this.#o.clock, signal: this.#o.signal, timeoutMs };
  }

  async #stage(
    stage: StageName,
    service: string | undefined,
    test: () => Promise<Outcome>,
  ): Promise<StageReport> {
    const nothing = {
      problem: null,
      ms: null,
      first_ms: null,
      audio_ms: null,
      words_right: null,
      words: null,
    };
    const common = { stage, service: service ?? null, verdict: "right" as const, ...nothing };
    const unreached = (error: unknown) => {
      if (!(error instanceof NoAnswer)) throw error;
      return failed(
        "unreached",
        `${service} gave no answer (${error.message}): see \`explain ${service}\` and its log`,
      );
    };
    const outcome = { ...common, ...await test().catch(unreached) };
    for (const key of ["ms", "first_ms", "audio_ms"] as const) outcome[key] &&= Math.round(outcome[key]);
    return { ...outcome, text: printable(outcome.text).slice(0, longestText) }; // it may quote a server
  }

  async #voice(): Promise<{ stage: StageReport; sentence: string; spoken: Spoken | null }> {
    const tts = this.#tts, engine = tts && engineOf(tts);
    const english = !engine?.language || /^en\b/i.test(engine.language);
    const sentence = this.#o.sentence ?? (english ? usualSentence : this.#plan.greeting.text);
    let spoken: Spoken | null = null;
    const stage = await this.#stage("tts", tts?.name, async () => {
      if (!tts) return notTested("no service has the role tts");
      if (!engine) return notTested(protocols(tts.name));
      const silent = () =>
        failed(
          "silent",
          `${tts.name} speaks, and all that it gives is silence: no answer would be heard. ` +
            "Try another voice (`default_voice`), and look at its log",
        );
      try {
        spoken = await speak(engine, sentence, this.#ask(tts));
      } catch (error) {
        if (error instanceof NoAnswer && error.silent) return silent();
        throw error;
      }
      if (!isVoice(spoken)) {
        spoken = null;
        return silent();
      }
      const { ms, firstMs, sound } = spoken, length = lengthMs(sound);
      const text = `${seconds(length)} of speech, its first sound after ${seconds(firstMs)}`;
      return { ms, first_ms: firstMs, audio_ms: length, text };
    });
    return { stage, sentence, spoken };
  }

  async #wake(): Promise<StageReport> {
    const candidates = wakeCandidates(this.#plan);
    for (const candidate of candidates) {
      const { service, word } = candidate;
      const ask = { ...this.#o, timeoutMs: shortMs };
      let words: string[] = [];
      const stage = await this.#stage("wake", service, async () => {
        words = await wakeWordsOf(candidate, ask);
        return await this.#word(candidate, word ?? words[0] ?? "", words);
      });
      if (word !== null || words.length > 0) return stage;
    }
    return await this.#stage(
      "wake",
      undefined,
      async () => notTested("no service offers Wyoming's wake word detection"),
    );
  }

  async #word(
    { service, host, port }: ReturnType<typeof wakeCandidates>[number],
    word: string,
    words: string[],
  ) {
    const wrongWord = (other: string) =>
      failed(
        "wrong_word",
        `${service} listens for ${other} instead of ${word}: whoever says ${word} is not heard. ` +
          `Start ${service} with ${word}, or expect (\`readiness.expect.wake\`) and say what it has`,
      );
    if (!words.some((offered) => isNamed(offered, word))) {
      return wrongWord(words.slice(0, 8).map((name) => name.slice(0, 60)).join(", ") || "nothing");
    }
    const engine = this.#tts && engineOf(this.#tts);
    if (!engine) return notTested("there is no voice to say the wake word with");
    const name = word.replace(/_v\d[\d.]*$/, "").replaceAll("_", " ");
    let spoken: Spoken;
    try {
      spoken = await speak(
        engine,
        `${name.slice(0, 1).toUpperCase()}${name.slice(1)}.`,
        this.#ask(this.#tts!),
      );
    } catch (error) {
      if (error instanceof NoAnswer) return notTested("there is no voice to say the wake word with");
      throw error;
    }
    if (!isVoice(spoken)) return notTested("there is no voice to say the wake word with");
    const sound = soundOf(spoken.speech, runInMs, runOutMs);
    const length = lengthMs(sound);
    const { heard, ms, other } = await listen({ host, port, word }, sound, this.#ask(this.#tts!));
    if (heard && other !== null) return wrongWord(other);
    if (heard) return { ms, audio_ms: length, text: `${word} was heard` };
    return failed(
      "not_heard",
      `${service} does not hear ${word} when ${this.#tts!.name} says it: nobody may be heard. ` +
        "Lower its threshold, or try another voice; if people are heard, the voice is to blame",
    );
  }

  async #hearing(stt: ServicePlan | null, sentence: string, spoken: Spoken | null): Promise<Outcome> {
    if (!stt) return notTested("no service has the role stt");
    const engine = engineOf(stt);
    if (!engine) return notTested(protocols(stt.name));
    if (!spoken) return notTested("there is no speech to transcribe");
    const sound = soundOf(spoken.speech, 200, 500);
    const { text: heard, ms } = await understand(engine, sound, this.#ask(stt));
    const { right, wrong, all } = align(sentence, heard);
    const figures = { ms, audio_ms: lengthMs(sound), words_right: right, words: all };
    if (wrong <= mayBeWrong(all)) return { ...figures, text: `${right} of ${all} words right` };
    const text = `${stt.name} understood ${right} of ${all} words: questions would not be understood. ` +
      "Look at its model and its language, and whether that is the voice's";
    return { ...figures, ...failed("misunderstood", text) };
  }

  async #thought(llm: ServicePlan | null): Promise<Outcome> {
    if (!llm) return notTested("no service has the role llm");
    const { clock, signal, run } = this.#o, { warmup } = llm;
    if (warmup.kind === "none") return notTested(`${llm.name} has no warm-up, so nothing says how to ask it`);
    const once = { ...warmup, runs: 1, ...("tokens" in warmup ? { tokens: 1 } : {}) };
    const result = await runWarmup(once, { clock, signal, run: run(llm) });
    // Whoever is no server of the kind that is configured cannot answer; a service of the user's own need not offer the verb.
    if (result.state === "not_offered" && warmup.kind === "http") {
      return notTested(`${llm.name}: ${result.detail}`);
    }
    if (result.state !== "warmed") throw new NoAnswer(result.detail);
    const { ms } = result;
    if (this.#cold === null) return { ms, text: `the first token after ${seconds(ms)}` };
    const text =
      `${this.#cold}: the first question waits until it is loaded again (${seconds(ms)} just now). ` +
      "Find out which client unloads it, or keep it: `keep_warm: true`, OLLAMA_KEEP_ALIVE=-1";
    return { ms, ...failed("not_resident", text) };
  }
}
