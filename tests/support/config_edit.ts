/** The specification's configuration, and edits of it that carry the place where a complaint is expected. */
import assert from "node:assert/strict";
import { ConfigError, type LoadedConfig, parseConfig, type Problem } from "../../lib/config/mod.ts";
import { type BootPlan, planBoot, type PlanFacts } from "../../lib/plan/mod.ts";

export const specText: string = Deno.readTextFileSync(new URL("../../config/loader.yaml", import.meta.url));

/** Marks in an edit's replacement where a problem must be reported; removed before the text is used. */
export const mark = "‸";

/** Replaces the first occurrence of each `from`, which must be there. */
export function edited(...edits: readonly (readonly [from: string, to: string])[]): string {
  let text = specText;
  for (const [from, to] of edits) {
    assert.ok(text.includes(from), `the text has no ${JSON.stringify(from)}`);
    text = text.replace(from, () => to);
  }
  return text;
}

/** Takes the marks out of a text and says where they were (line and column from 1). */
export function marks(text: string): { text: string; places: { line: number; column: number }[] } {
  const places: { line: number; column: number }[] = [];
  let plain = "";
  for (const part of text.split(mark).slice(0, -1)) {
    plain += part;
    const lines = plain.split("\n");
    places.push({ line: lines.length, column: lines.at(-1)!.length + 1 });
  }
  return { text: text.replaceAll(mark, ""), places };
}

/** The problems of a text that must be refused. */
export function problemsOf(text: string, env: Record<string, string> = {}): readonly Problem[] {
  try {
    parseConfig(text, "loader.yaml", env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, "config_invalid");
    assert.equal(error.exitCode, 2);
    return error.problems;
  }
  throw new Error("the configuration was accepted");
}

export function load(text: string, env: Record<string, string> = {}): LoadedConfig {
  return parseConfig(text, "loader.yaml", env);
}

/** Facts of a machine on which nothing has happened yet. */
export function factsWith(changes: Partial<PlanFacts> = {}): PlanFacts {
  return {
    configPath: "/etc/alexa/loader.yaml",
    configDir: "/etc/alexa",
    cwd: "/home/me",
    home: "/home/me",
    env: {},
    uid: 1000,
    history: null,
    instanceHash: () => "a1b2c3",
    ...changes,
  };
}

/** The specification's four services, or what was made of each, with a name of its own. */
export const four = <T>(all: readonly T[]): [T, T, T, T] => {
  const [kwd, stt, llm, tts] = all;
  return [kwd!, stt!, llm!, tts!];
};

export function planOf(text: string, changes: Partial<PlanFacts> = {}): BootPlan {
  return planBoot(load(text), factsWith(changes));
}
