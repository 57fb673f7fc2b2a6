/** A command of the user's for each verb. CONTRACT §5. */
import { shellWord } from "../text.ts";
import { type ControlAnswer, noControl, quoted } from "./answers.ts";
import { type Ask, controlKind, type Verb } from "./kind.ts";

type Commands = { kind: string } & Record<Verb, string[] | null>;

export const command = controlKind({
  kind: "command",
  schema: ({ z, argv }) =>
    z.strictObject({
      kind: z.literal("command").describe("One command per verb; done when it exits 0"),
      speak: argv().optional().describe("Says `{text}`; finished when it exits"),
      pause: argv().optional().describe("Stops wake-word detection"),
      resume: argv().optional().describe("Enables wake-word detection"),
    }),
  rules({ speak }, { name, path }, found) {
    if (!Array.isArray(speak) || speak.some((word) => String(word).includes("{text}"))) return;
    found.warnings.push({
      path: [...path, "control", "speak"],
      at: "value",
      message: `${name}: control.speak has no {text}, so it cannot know what to say`,
    });
  },
  plan({ speak, pause, resume }, { argv }) {
    const planned = (words: string[] | undefined) => words ? argv(words) : null;
    const spec: Commands = {
      kind: "command",
      speak: planned(speak),
      pause: planned(pause),
      resume: planned(resume),
    };
    return spec;
  },
  describe: (spec) =>
    (["speak", "pause", "resume"] as const)
      .flatMap((verb) => spec[verb] ? [`${verb}: ${spec[verb].map(shellWord).join(" ")}`] : []).join("\n"),
  offers: (control, verb) => (control[verb] ?? null) !== null,
  async speak({ speak }, { text, tag }, ask) {
    if (!speak) return noControl;
    const answer = await runVerb(speak, { text, tag }, ask);
    return answer.state === "ok" ? { state: "finished", spokenMs: null } : answer;
  },
  async mute(spec, verb, reason, ask) {
    const argv = spec[verb];
    return argv ? await runVerb(argv, { reason }, ask) : noControl;
  },
});

/** Runs a configured command with its placeholders filled in; it did it when it exits 0. */
async function runVerb(
  argv: readonly string[],
  placeholders: Record<string, string>,
  { run, ...o }: Ask,
): Promise<ControlAnswer> {
  const filled = argv.map((word) =>
    word.replace(
      /\{(\w+)\}/g,
      (whole, name) => Object.hasOwn(placeholders, name) ? placeholders[name]! : whole,
    )
  );
  const result = await run(filled, o);
  if (result.missing) return { state: "failed", detail: `${argv[0]}: not found` };
  if (result.timedOut) {
    return { state: "failed", detail: `${argv[0]}: no end within ${Math.round(o.timeoutMs / 1000)} s` };
  }
  if (result.code === 0) return { state: "ok", status: 200, body: {} };
  return {
    state: "failed",
    detail: `${argv[0]}: ${result.signal ?? `exit ${result.code}`}${quoted(result.stderr)}`,
  };
}
