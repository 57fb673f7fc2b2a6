/** What a stand-in can be told on its command line. Spec: §1.1; the faults are those of §13. */

/** The four parts that have a stand-in. */
export const demoRoles = ["kwd", "stt", "llm", "tts"] as const;
export type DemoRole = (typeof demoRoles)[number];

/** All optional; times in ms. */
export interface DemoOptions {
  /** Port to bind on 127.0.0.1; default: the environment's ALEXA_BIND_PORT. */
  port?: number;
  /** Pretended load time; default: the role's own, divided by ALEXA_DEMO_SPEED. */
  loadMs?: number;
  /** Bind before loading, and answer "loading" (503, NOT_SERVING) meanwhile, as many real servers do. */
  bindEarly?: boolean;
  /** Exit with code 1 this long after becoming ready. */
  crashAfterMs?: number;
  /** LLM: a second port, for one-token warm-ups over HTTP (`POST /control/warmup`). */
  httpPort?: number;
  /** KWD: answer 500 to every pause. */
  refusePause?: boolean;
  /** TTS: how the end of the speech is told: in the answer itself, or later to `finished_url`. */
  finish?: "answer" | "callback";
  /** TTS: what becomes of a text that is to be played. */
  speak?: "ok" | "error" | "hang";
  /** TTS: how long every text lasts, instead of by its length. */
  speakMs?: number;
}

/** The outcome of reading a stand-in's command line. */
export type DemoArguments =
  | { ok: true; role: DemoRole; options: DemoOptions }
  | { ok: false; message: string };

type Read = { [K in keyof DemoOptions]-?: (text: string) => DemoOptions[K] | null };

const milliseconds = (text: string) => /^\d{1,9}$/.test(text) ? Number(text) : null;
const port = (text: string) => /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : null;
const flag = (text: string) => text === "true" ? true : text === "false" ? false : null;
const oneOf = <T extends string>(...words: T[]) => (text: string) =>
  words.find((word) => word === text) ?? null;

const read: Read = {
  port,
  loadMs: milliseconds,
  bindEarly: flag,
  crashAfterMs: milliseconds,
  httpPort: port,
  refusePause: flag,
  finish: oneOf("answer", "callback"),
  speak: oneOf("ok", "error", "hang"),
  speakMs: milliseconds,
};
const keyOf = new Map(
  (Object.keys(read) as (keyof DemoOptions)[]).map((
    key,
  ) => [`--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, key]),
);

/** Reads `<role> [--option value | --option=value | --flag]…`; says in one sentence what is wrong. */
export function parseDemoArguments(argv: readonly string[]): DemoArguments {
  const [word, ...rest] = argv;
  const role = demoRoles.find((name) => name === word);
  if (!role) {
    return wrong(
      `demo-service wants one of ${demoRoles.join(", ")}, found ${JSON.stringify(word ?? "nothing")}`,
    );
  }
  const options: DemoOptions = {};
  while (rest.length > 0) {
    const [name, inline] = split(rest.shift()!);
    const key = keyOf.get(name);
    if (!key) {
      return wrong(
        `demo-service has no option ${JSON.stringify(name)}; it knows ${[...keyOf.keys()].join(", ")}`,
      );
    }
    const isFlag = read[key] === flag;
    const value = inline ?? (isFlag ? "true" : rest.shift());
    if (value === undefined) return wrong(`${name} wants a value`);
    if (!assign(options, key, value)) return wrong(`${name} cannot be ${JSON.stringify(value)}`);
  }
  return { ok: true, role, options };
}

function assign<K extends keyof DemoOptions>(options: DemoOptions, key: K, text: string): boolean {
  const value = read[key](text);
  if (value === null) return false;
  options[key] = value as DemoOptions[K];
  return true;
}

function split(word: string): [name: string, value: string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

const wrong = (message: string): DemoArguments => ({ ok: false, message });
