/** Text -> LoaderConfig, or all that is wrong with it at its places. Spec: §3. Pure. */
import { readDocument } from "./document.ts";
import type { Environment, Finding } from "../model/written.ts";
import { expandAll } from "./expand.ts";
import { explain } from "./explain.ts";
import { readConfig } from "./find.ts";
import { configJsonSchema } from "./json_schema.ts";
import { ConfigError, dotted, type Problem } from "./problem.ts";
import { checkRules } from "./rules.ts";
import { configSchema, type LoaderConfig } from "./schema.ts";

/** A configuration that may be planned and booted. */
export interface LoadedConfig {
  /** Every default filled in, `~` and `${VAR}` expanded. */
  config: LoaderConfig;
  /** The file, as named by the caller; `<demo>` for the embedded one. */
  path: string;
  text: string;
  /** What is odd but does not stop a boot. */
  warnings: Problem[];
  /** Dotted paths of all that is written in the file; everything else is a default. */
  given: ReadonlySet<string>;
}

/**
 * Reads, checks and expands a configuration.
 *
 * @param path how to name the file in messages
 * @param env the environment for `~` and `${VAR}`
 * @throws {ConfigError} code `config_invalid`, with all problems at once
 */
export function parseConfig(text: string, path: string, env: Environment): LoadedConfig {
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  const document = readDocument(source);
  if (document.data === null) throw new ConfigError(path, sorted(document.problems));
  const expanded = expandAll(document.data, env);
  const parsed = configSchema.safeParse(expanded.data);
  const rules = checkRules(document.data, env, document.sourceOf);
  const fromSchema = parsed.success ? [] : explain(parsed.error.issues, document.data, configJsonSchema());
  const findings = withoutEchoes([...expanded.findings, ...fromSchema, ...rules.errors]).map(document.locate);
  const unreadable = new Set(document.problems.map(placeOf));
  const problems = [...document.problems, ...findings.filter((problem) => !unreadable.has(placeOf(problem)))];
  if (problems.length > 0 || !parsed.success) throw new ConfigError(path, sorted(problems));
  return {
    config: parsed.data,
    path,
    text,
    warnings: sorted(rules.warnings.map(document.locate)),
    given: document.given,
  };
}

/** Reads and checks the file; throws LoaderError `config_unreadable` or `config_invalid`. */
export function loadConfig(path: string, env: Environment): LoadedConfig {
  return parseConfig(readConfig(path), path, env);
}

/** What could not be expanded comes first, then the schema's word: a rule that stumbles over the same value adds nothing. */
function withoutEchoes(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ path, at }) => {
    const place = dotted(path);
    const echo = seen.has(place);
    // Two rules may well have a word each on one service; a value is wrong only once.
    if (at === "value" || path.length > 2) seen.add(place);
    return !echo;
  });
}

function placeOf({ line, column }: Problem): string {
  return `${line}:${column}`;
}

function sorted(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
