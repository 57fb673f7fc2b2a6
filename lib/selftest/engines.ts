/** Who of a boot plan can be tested, and the questions themselves, in the protocols that they are asked in. CONTRACT §4, §5. */
import { kindOf as controlKindOf } from "../controls/kinds.ts";
import type { Engine } from "../model/engine.ts";
import type { BootPlan, Role, ServicePlan } from "../model/plan.ts";
import { isWyoming } from "../probes/wyoming.ts";
import { openaiModels, openaiSpeech, openaiTranscription } from "../protocols/openai.ts";
import { lengthMs, type Sound, soundOf as soundOfWav, wavOf } from "../protocols/sound.ts";
import { encodeEvent, eventReader, isNamed, readInfo, WyomingError } from "../protocols/wyoming.ts";
import { sendSound, synthesizeWhole, transcribe, wordsOf } from "../protocols/wyoming_speech.ts";
import { parseJson, recordOf } from "../shape.ts";
import { type Clock, deadline } from "../sys/clock.ts";
import { HttpError, type HttpResponse } from "../sys/net/http.ts";
import { connectTcp, TcpError, type TcpStream } from "../sys/net/tcp.ts";
import { speechOf } from "./speech.ts";
import { kindOf as warmupKindOf } from "../warmups/kinds.ts";

/** A question that came to nothing: half a sentence. `silent`: it was answered with no sound. */
export class NoAnswer extends Error {
  readonly silent: boolean;

  constructor(why: string, options: { silent?: boolean } = {}) {
    super(why);
    this.silent = options.silent ?? false;
  }
}

export interface Ask {
  clock: Clock;
  signal: AbortSignal;
  timeoutMs: number;
}

/** A detector that keeps up with who speaks has heard the word so long after its end, ms. */
const wakePatienceMs = 2000;
/** A voice that does not come to an end is not worth more of our time. */
const longestSec = 30;
const mostWavBytes = 50 << 20;

export function serviceFor(plan: BootPlan, role: Role): ServicePlan | null {
  return plan.services.find((service) => service.role === role) ?? null;
}

/** Where a service can be asked to speak or to transcribe; null: in no protocol that we know. */
export function engineOf({ control, warmup, readiness, engine, env }: ServicePlan): Engine | null {
  const [voice = null, language = null] = [env.ALEXA_DEFAULT_VOICE, env.ALEXA_LANGUAGE];
  const found = controlKindOf(control).engine?.(control) ?? warmupKindOf(warmup).engine?.(warmup);
  if (found) return { ...found, language: found.language ?? language };
  const probe = readiness.find(isWyoming);
  if (probe) return { speaks: "wyoming", host: probe.host, port: probe.port, voice, language };
  const url = readiness.find(({ type }) => type === "http")?.url;
  if (engine.server !== "openai" || typeof url !== "string") return null;
  return { speaks: "openai", url: new URL(url).origin, model: engine.model, voice, language };
}

export interface WakeEngine {
  service: string;
  host: string;
  port: number;
  /** As the configuration expects it; null where it does not say. */
  word: string | null;
}

/** Who may listen for the wake word over Wyoming: who is expected to have one, else whoever may turn out to. */
export function wakeCandidates({ services }: BootPlan): WakeEngine[] {
  const all = services.flatMap(({ name, role, readiness }) => {
    const probe = readiness.find(isWyoming);
    if (!probe || (role !== "kwd" && role !== "other")) return [];
    return [{ service: name, host: probe.host, port: probe.port, word: probe.expect.wake ?? null }];
  });
  const expected = all.filter(({ word }) => word !== null);
  return expected.length > 0 ? expected : all;
}

/** The wake words that it has; none: it listens for no word. */
export async function wakeWordsOf(
  { host, port }: { host: string; port: number },
  ask: Ask,
): Promise<string[]> {
  return await inTime(ask, async (signal) => {
    using stream = await connectTcp(host, port, signal);
    await stream.write(encodeEvent("describe"));
    const events = eventReader(stream);
    for (let event = await events.next(); event !== null; event = await events.next()) {
      if (event.type === "info") return wakeWords(event.data);
    }
    throw new NoAnswer("it closed the connection instead of answering a describe");
  });
}

/** The words alone, without the programs that have them. */
function wakeWords({ wake }: Record<string, unknown>): string[] {
  const programs = Array.isArray(wake) ? wake.map(recordOf) : [];
  return readInfo({ wake: programs.flatMap(({ models }) => Array.isArray(models) ? models : []) }).wake ?? [];
}

/** Whether it hears its word in the sound, and after how long; the word that it tells of, where that is another. */
export async function listen(
  { host, port, word }: { host: string; port: number; word: string },
  sound: Sound,
  ask: Ask,
): Promise<{ heard: boolean; ms: number; other: string | null }> {
  const { clock } = ask, began = clock.now();
  return await inTime(ask, async (signal) => {
    using stream = await connectTcp(host, port, signal);
    const events = eventReader(stream);
    const patience = Promise.withResolvers<null>();
    const told = (async () => {
      for (let event = await events.next(); event !== null; event = await events.next()) {
        if (event.type === "error") throw new NoAnswer(wordsOf(event));
        if (event.type === "detection") return event;
      }
      throw new NoAnswer("it closed the connection while it listened");
    })();
    told.catch(() => {}); // looked at below
    await sendSound(stream, encodeEvent("detect", { names: [word] }), sound).catch((error) => {
      if (!(error instanceof TcpError) || signal.aborted) throw error; // what it said before it hung up counts
    });
    // Who is told that the sound is over may say "not detected" before it has looked at all of it: a microphone has no end.
    const patienceMs = Math.max(0, began + lengthMs(sound) + wakePatienceMs - clock.now());
    using _patience = clock.after(patienceMs, () => patience.resolve(null));
    const event = await Promise.race([told, patience.promise]);
    const { name } = event?.data ?? {};
    const other = typeof name === "string" && !isNamed(name, word) ? name.slice(0, 60) : null;
    return { heard: event?.type === "detection", ms: clock.now() - began, other };
  });
}

export interface Spoken {
  sound: Sound;
  /** The same as ears take it. */
  speech: Int16Array<ArrayBuffer>;
  /** Until the first of it was there, and all of it. */
  firstMs: number;
  ms: number;
}

export async function speak(engine: Engine, text: string, ask: Ask): Promise<Spoken> {
  const { clock } = ask, began = clock.now();
  return await inTime(ask, async (signal) => {
    let firstMs: number | null = null;
    const first = () => firstMs = clock.now() - began;
    const sound = engine.speaks === "wyoming"
      ? await overWyoming(engine, signal, (stream) => {
        const voice = { name: engine.voice, language: engine.language };
        return synthesizeWhole(stream, { text, voice }, first);
      })
      : wavSound(
        await openaiSpeech(
          engine.url,
          { ...engine, ...await modelOf(engine, ask), text, keep: mostWavBytes },
          {
            ...ask,
            signal,
          },
        ),
      );
    if (typeof sound === "string") {
      throw new NoAnswer(sound, { silent: sound === "the synthesis gave no sound" });
    }
    const ms = clock.now() - began, { rate, width, channels } = sound;
    const samples = sound.samples.subarray(0, longestSec * rate * width * channels);
    return {
      sound: { ...sound, samples },
      speech: speechOf({ ...sound, samples }),
      firstMs: firstMs ?? ms,
      ms,
    };
  });
}

function wavSound(answer: HttpResponse): Sound {
  expectOk(answer);
  const sound = answer.truncated ? null : soundOfWav(answer.kept);
  if (sound && sound.samples.length > 0) return sound;
  if (sound || answer.bytes === 0) throw new NoAnswer("the synthesis gave no sound", { silent: true });
  throw new NoAnswer("/v1/audio/speech gave no WAV file");
}

export async function understand(
  engine: Engine,
  sound: Sound,
  ask: Ask,
): Promise<{ text: string; ms: number }> {
  const { clock } = ask, began = clock.now();
  return await inTime(ask, async (signal) => {
    const text = engine.speaks === "wyoming"
      ? await overWyoming(engine, signal, async (stream) => {
        const heard = await transcribe(stream, sound, engine.language);
        if (typeof heard === "string") throw new NoAnswer(heard);
        return heard.text;
      })
      : textOf(
        await openaiTranscription(engine.url, {
          ...await modelOf(engine, ask),
          wav: wavOf(sound),
          language: engine.language ?? undefined,
        }, { ...ask, signal }),
      );
    return { text, ms: clock.now() - began };
  });
}

function textOf(answer: HttpResponse): string {
  expectOk(answer);
  const { text } = recordOf(parseJson(answer.text));
  return typeof text === "string" ? text : answer.text; // `response_format: text`
}

/** A server of several models may want one named: its first, as the warm-up has it. */
async function modelOf(
  { url, model }: Engine & { speaks: "openai" },
  ask: Ask,
): Promise<{ model: string | null }> {
  return { model: model ?? (await openaiModels(url, ask).catch(() => null))?.[0] ?? null };
}

function expectOk({ status, text }: HttpResponse): void {
  if (status === 200) return;
  throw new NoAnswer(`it answered ${status}: ${text.replace(/\p{Cc}+/gu, " ").trim().slice(0, 200)}`);
}

async function overWyoming<T>(
  { host, port }: Engine & { speaks: "wyoming" },
  signal: AbortSignal,
  talk: (stream: TcpStream) => Promise<T>,
): Promise<T> {
  using stream = await connectTcp(host, port, signal); // of our own: nobody else's client hears of it
  return await talk(stream);
}

/** @throws NoAnswer for all that can be wrong with a server; the signal's reason when it is aborted. */
async function inTime<T>(
  { clock, signal, timeoutMs }: Ask,
  act: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using limit = deadline(clock, timeoutMs, signal);
  try {
    return await act(limit.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted) throw new NoAnswer(`no answer within ${Math.round(timeoutMs / 100) / 10} s`);
    if (error instanceof WyomingError) throw new NoAnswer(`it does not speak Wyoming: ${error.message}`);
    if (error instanceof TcpError || error instanceof HttpError) throw new NoAnswer(error.message);
    throw error;
  }
}
