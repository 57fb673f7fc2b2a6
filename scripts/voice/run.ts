/** One boot of a reference assistant in a room, and one question to it. */
import { runtimeFlags } from "../../lib/version.ts";
import { root, type Variant, writeAssistant, type Written } from "./assistant.ts";
import { joined, openEar, sayInRoom, synthesis } from "./room.ts";
import { wrongWords } from "../../lib/selftest/words.ts";

export interface Outcome {
  /** Everything that is not as it must be. */
  wrong: string[];
  /** Wake words that were acted upon before anybody but the greeting had spoken. */
  selfTriggers: number;
  asked: string;
  heard: string | null;
  /** The turn's stages as the satellite reports them, ms since the wake word. */
  ms: Partial<Record<"end_of_speech" | "text" | "first_token" | "first_audio" | "end", number>>;
  bootMs: number;
  greetingMs: number;
  /** From "wake word enabled" to the first sound of the answer. */
  enabledToAnswerMs: number;
  /** All that the loader printed. */
  log: string;
}

/** What pocketsphinx understands of flite, and any other does. */
const questions = [
  "what time is it",
  "what is your name",
  "tell me a joke",
  "how are you today",
  "good morning",
];
const greeting = "Hi Master. Alexa. Ready to serve.";
/** Between the wake word and the question. */
const breathMs = 300;
const bootPatienceMs = 90_000, turnPatienceMs = 45_000;

export interface RunOptions {
  variant: Variant;
  folder: string;
  run: number;
  /** false: the control, in which it must hear its own greeting. */
  pausing: boolean;
  /** This service is killed once the assistant listens, and the question comes after its return. */
  killed?: string | undefined;
}

export async function runOnce({ variant, folder, run, pausing, killed }: RunOptions): Promise<Outcome> {
  const { config, ports } = writeAssistant(variant, folder, {
    room: true,
    usual: false,
    edit: (text) =>
      text.replace(/text: "Hi Master\..*"/, `text: "${greeting}"`)
        .replace("kwd_pause_during_tts: true", `kwd_pause_during_tts: ${pausing}`)
        .replace(/# (- "--transcripts")/, "$1"),
  });
  const asked = questions[run % questions.length]!;
  const outcome: Outcome = {
    wrong: [],
    selfTriggers: 0,
    asked,
    heard: null,
    ms: {},
    bootMs: NaN,
    greetingMs: NaN,
    enabledToAnswerMs: NaN,
    log: "",
  };
  await using log = boot(config, folder);
  try {
    await converse(outcome, log, ports, { pausing, killed });
  } catch (error) {
    outcome.wrong.push(error instanceof Error ? error.message : String(error));
  }
  if (outcome.selfTriggers > 0) outcome.wrong.push(`${outcome.selfTriggers} self-triggers`);
  outcome.log = log.text();
  return outcome;
}

async function converse(
  outcome: Outcome,
  log: ReturnType<typeof boot>,
  ports: Written["ports"],
  { pausing, killed }: Pick<RunOptions, "pausing" | "killed">,
): Promise<void> {
  const { asked } = outcome;
  const ready = await log.line(/SYSTEM_READY: total_boot=([\d.]+)s/, bootPatienceMs);
  outcome.bootMs = 1000 * Number(ready[1]);
  // Made by the assistant's own voice, while it greets in the room.
  const word = await synthesis(ports.tts, "Alexa.");
  const question = await synthesis(ports.tts, `${asked[0]!.toUpperCase()}${asked.slice(1)}.`);
  const finished = await log.line(/Greeting finished in ([\d.]+)s/, turnPatienceMs);
  outcome.greetingMs = 1000 * Number(finished[1]);
  await log.line(/Wake-word detection enabled/, turnPatienceMs);
  const enabledAt = performance.now();
  outcome.selfTriggers = log.count(/Turn \d+: wake word heard/);
  if (!pausing) return;
  if (killed) {
    const tag = killed.toUpperCase().padEnd(8);
    const [, pid] = await log.line(new RegExp(`^${tag} INFO = Starting \\(pid (\\d+)\\)`), turnPatienceMs);
    Deno.kill(Number(pid), "SIGKILL");
    await log.line(new RegExp(`SYSTEM_READY again: ${killed} is back`), turnPatienceMs);
    if (killed === "kwd") await log.line(/Wake-word detection enabled; READY/, turnPatienceMs);
  }

  const ear = await openEar(ports.room);
  try {
    await sayInRoom(ports.room, joined(word, breathMs, question));
    const end = await log.line(/Turn 1: (\w+(?: \w+)?) \((.*)\)/, turnPatienceMs);
    for (const [, stage, ms] of end[2]!.matchAll(/(\w+) (\d+) ms/g)) {
      outcome.ms[stage as "text"] = Number(ms);
    }
    const wakeAt = log.at(/Turn 1: wake word heard/);
    outcome.enabledToAnswerMs = wakeAt - enabledAt + (outcome.ms.first_audio ?? NaN);
    const heard = log.find(/Turn 1: heard (".*")/);
    outcome.heard = heard ? JSON.parse(heard[1]!) : null;
    await new Promise((resolve) => setTimeout(resolve, 300)); // a second turn would begin now
    if (end[1] !== "answered") outcome.wrong.push(`the turn ended as ${end[1]}`);
    if (wrongWords(asked, outcome.heard ?? "") > 1) {
      outcome.wrong.push(`heard ${JSON.stringify(outcome.heard)} for ${JSON.stringify(asked)}`);
    }
    const turns = log.count(/Turn \d+: wake word heard/);
    if (turns !== 1) outcome.wrong.push(`the wake word was heard ${turns} times`);
    const spoken = ear.take();
    if (spoken < 0.2) outcome.wrong.push(`no answer in the room (${spoken.toFixed(2)} s of sound)`);
  } finally {
    ear.close();
  }
}

/** The loader and what it prints; stopped at the end of the scope. */
function boot(config: string, folder: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...runtimeFlags, `${root}main.ts`, "up", "--config", config],
    env: { NO_COLOR: "1", XDG_STATE_HOME: `${folder}/state`, XDG_RUNTIME_DIR: folder },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: { text: string; at: number }[] = [];
  let ended = false, changed = Promise.withResolvers<void>();
  const reading = (async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop()!;
      for (const text of parts) lines.push({ text, at: performance.now() });
      changed.resolve();
      changed = Promise.withResolvers();
    }
    ended = true;
    changed.resolve();
  })();
  const find = (pattern: RegExp) => {
    for (const { text, at } of lines) {
      const match = pattern.exec(text);
      if (match) return { match, at };
    }
    return null;
  };
  return {
    find: (pattern: RegExp) => find(pattern)?.match ?? null,
    at: (pattern: RegExp) => find(pattern)?.at ?? NaN,
    count: (pattern: RegExp) => lines.filter(({ text }) => pattern.test(text)).length,
    text: () => lines.map(({ text }) => text).join("\n"),
    async line(pattern: RegExp, patienceMs: number): Promise<RegExpExecArray> {
      const limit = performance.now() + patienceMs;
      for (;;) {
        const found = find(pattern);
        if (found) return found.match;
        const left = limit - performance.now();
        if (ended || left < 0) {
          throw new Error(`${ended ? "the loader ended" : `${patienceMs / 1000} s`} without ${pattern}`);
        }
        let timer;
        await Promise.race([changed.promise, new Promise((resolve) => timer = setTimeout(resolve, left))]);
        clearTimeout(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!ended) child.kill("SIGINT");
      await child.status;
      await reading;
    },
  };
}
