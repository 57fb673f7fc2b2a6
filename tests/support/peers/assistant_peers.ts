/**
 * The engines of an assistant as servers that are true to their protocols, well or with one thing wrong: the voice sings a
 * tone for each text, the wake word and the transcript are "heard" in that tone, and in nothing else.
 */
import type { BootPlan } from "../../../lib/model/plan.ts";
import { planOf } from "../config_edit.ts";
import { type EngineClient, startEnginePeer } from "./engine_peer.ts";
import { startHttpPeer } from "./http_peer.ts";
import { startOllamaPeer } from "./ollama_peer.ts";
import { wavOf } from "../../../lib/protocols/sound.ts";

/** What is wrong with the assistant. */
export const faults = [
  "none",
  "wrong wake word",
  "another wake word told",
  "deaf wake word",
  "STT garbage",
  "STT error",
  "TTS silent",
  "TTS without sound",
  "LLM not resident",
  "LLM without its model",
] as const;
export type AssistantFault = typeof faults[number];

export interface AssistantPeers extends AsyncDisposable {
  plan: BootPlan;
  /** From now on that is wrong with it. */
  become(fault: AssistantFault): void;
  /** The same as the configuration of a loader, which finds them running. */
  config: Record<string, unknown>;
}

const format = { rate: 22_050, width: 2, channels: 1 };

/** Half a second of a tone, or of silence. */
function sound(isSilent: boolean): Uint8Array<ArrayBuffer> {
  const samples = new Int16Array(format.rate / 2);
  if (!isSilent) samples.forEach((_, n) => samples[n] = 8000 * Math.sin(2 * Math.PI * 440 * n / format.rate));
  return new Uint8Array(samples.buffer);
}

/** `style`: in which protocol TTS and STT are asked. */
export async function startAssistantPeers(
  wrong: AssistantFault,
  options: { style?: "wyoming" | "openai"; loader?: Record<string, unknown> } = {},
): Promise<AssistantPeers> {
  const { style = "wyoming", loader = {} } = options;
  let fault = wrong;
  await using held = new AsyncDisposableStack();
  const describe = (kind: string, key: string, name: string) => ({
    [kind]: [{ name: "peer", installed: true, [key]: [{ name, installed: true }] }],
  });
  let said = "", asked = ""; // the last text, and the last that was not the wake word
  const say = (text: string) => {
    said = text;
    if (text !== "Alexa.") asked = text;
  };
  const transcript = () => fault === "STT garbage" ? "thank you for watching" : asked;
  const word = () => fault === "wrong wake word" ? "hey_jarvis" : "alexa";
  const told = new WeakSet<EngineClient>();
  const wake = held.use(startEnginePeer(async ({ type }, client) => {
    if (type === "describe") await client.send("info", describe("wake", "models", `${word()}_v0.1`));
    // As openWakeWord: it looks at the sound beside its client, and at its end says what it knows by then.
    if (type === "audio-stop") await client.send("not-detected");
    if (type !== "audio-chunk" || !client.loud || told.has(client)) return;
    told.add(client);
    if (said !== "Alexa." || fault === "deaf wake word") return;
    const name = fault === "another wake word told" ? "hey_jarvis" : "alexa_v0.1";
    setTimeout(() => client.send("detection", { name }).catch(() => {}), 100);
  }));
  const isSilent = () => fault === "TTS silent", isEmpty = () => fault === "TTS without sound";
  const tts = held.use(startEnginePeer(async ({ type, data }, client) => {
    if (type === "describe") await client.send("info", describe("tts", "voices", "voice"));
    if (type !== "synthesize") return;
    say(String(data.text));
    await client.send("audio-start", format);
    if (!isEmpty()) await client.send("audio-chunk", format, sound(isSilent()));
    await client.send("audio-stop");
  }));
  const stt = held.use(startEnginePeer(async ({ type }, client) => {
    if (type === "describe") await client.send("info", describe("asr", "models", "model"));
    if (type !== "audio-stop") return;
    if (fault === "STT error") await client.send("error", { text: "no model\n\u001b[2J" });
    else await client.send("transcript", { text: client.loud ? transcript() : "" });
  }));
  const http = held.use(startHttpPeer(({ path, body }) => {
    if (path === "/v1/models") return Response.json({ data: [{ id: "m" }] });
    if (path === "/v1/audio/transcriptions") {
      return fault === "STT error"
        ? new Response("no model\n\u001b[2J", { status: 500 })
        : Response.json({ text: transcript() });
    }
    if (path !== "/v1/audio/speech") return new Response("not here", { status: 404 });
    say(JSON.parse(body).input);
    return new Response(isEmpty() ? "" : wavOf({ ...format, samples: sound(isSilent()) }));
  }));
  const llm = held.use(
    startOllamaPeer({ models: fault === "LLM without its model" ? [] : ["m:latest"], size: 1 }),
  );
  if (fault !== "LLM not resident") {
    await fetch(`${llm.origin}/api/generate`, { method: "POST", body: '{"model":"m"}' }).then((it) =>
      it.text()
    );
  }
  const external = { manage: "external" };
  const at = (port: number, expect = {}) => ({ type: "wyoming", host: "127.0.0.1", port, expect });
  const overHttp = {
    ...external,
    server: "openai",
    readiness: { type: "http", url: `${http.origin}/v1/models` },
  };
  const names = ["wake", "stt", "llm", "tts"];
  const config = {
    loader: { ...loader, startup_sequence: names, shutdown_sequence: names.toReversed() },
    services: {
      wake: { ...external, readiness: at(wake.port, { wake: "alexa" }) },
      stt: style === "openai" ? overHttp : { ...external, readiness: at(stt.port) },
      llm: { ...external, server: "ollama", model: "m", readiness: { type: "ollama", url: llm.origin } },
      tts: style === "openai" ? overHttp : { ...external, readiness: at(tts.port) },
    },
  };
  const kept = held.move();
  const become = (next: AssistantFault) => void (fault = next);
  return {
    plan: planOf(JSON.stringify(config)),
    config,
    become,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
