/**
 * `deno task mutants [ID …] [--json]`: puts known bugs into a copy of the tree, one at a time, and runs the tests that
 * must notice. Each is an entry of tests/mutants/*.json (tests/mutants/README.md). Exit 1 when one goes unnoticed.
 */
import { parseArgs } from "node:util";

export interface Mutant {
  id: string;
  /** What would be wrong for the user. */
  bug: string;
  file: string;
  /** Occurs exactly once in the file. */
  find: string;
  replace: string;
  tests: string[];
  filter?: string;
}

export interface Verdict extends Mutant {
  noticed: boolean;
  /** The first test that failed; else why this says nothing. */
  by: string;
  ms: number;
}

const repository = new URL("..", import.meta.url).pathname;
/** What the copies go without: history, what was built, and what is fetched. */
const left = new Set([".git", "dist", "node_modules", "results"]);
const copies = 2;

/** All entries, in the order of their files' names. */
export function readMutants(root = repository): Mutant[] {
  const folder = `${root}tests/mutants`;
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    name.endsWith(".json")
  );
  return files.sort().flatMap((name) => JSON.parse(Deno.readTextFileSync(`${folder}/${name}`)) as Mutant[]);
}

/** Why an entry can no longer be tried; null when it can. */
export function problemOf(mutant: Mutant, root = repository): string | null {
  if (mutant.find === mutant.replace) return "changes nothing";
  if (mutant.tests.length === 0) return "names no test";
  for (const path of [mutant.file, ...mutant.tests]) if (!exists(root + path)) return `no file ${path}`;
  const times = Deno.readTextFileSync(root + mutant.file).split(mutant.find).length - 1;
  return times === 1 ? null : `${mutant.file} has its text ${times} times, not once`;
}

/** Tries them all in at most two copies at once. */
async function tryAll(mutants: readonly Mutant[], onVerdict: (verdict: Verdict) => void): Promise<Verdict[]> {
  const waiting = [...mutants];
  const verdicts: Verdict[] = [];
  const sound = new Map<string, Promise<string | null>>();
  const worker = async () => {
    const root = `${Deno.makeTempDirSync({ prefix: "mutants" })}/`;
    try {
      copy(repository, root);
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const verdict = await attempt(next, root, sound);
        verdicts.push(verdict);
        onVerdict(verdict);
      }
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  };
  await Promise.all(Array.from({ length: Math.min(copies, mutants.length) }, worker));
  return verdicts;
}

async function attempt(
  mutant: Mutant,
  root: string,
  sound: Map<string, Promise<string | null>>,
): Promise<Verdict> {
  const began = performance.now();
  const verdict = (noticed: boolean, by: string) => ({
    ...mutant,
    noticed,
    by,
    ms: performance.now() - began,
  });
  const problem = problemOf(mutant, root);
  if (problem !== null) return verdict(false, problem);
  // Tests that fail anyway would notice everything. Once for all entries that name the same ones.
  const key = JSON.stringify([mutant.tests, mutant.filter]);
  if (!sound.has(key)) sound.set(key, withoutBug(mutant, root));
  const unsound = await sound.get(key)!;
  if (unsound !== null) return verdict(false, unsound);

  const text = Deno.readTextFileSync(root + mutant.file);
  const at = text.indexOf(mutant.find);
  Deno.writeTextFileSync(
    root + mutant.file,
    text.slice(0, at) + mutant.replace + text.slice(at + mutant.find.length),
  );
  try {
    const { code, output } = await runTests(mutant, root);
    if (code === 0) return verdict(false, "all tests passed");
    const failed = /^(.*?) \.\.\. FAILED/m.exec(output)?.[1] ?? /^(.* FAILED)$/m.exec(output)?.[1];
    // A file that does not load proves nothing about its tests.
    if (failed === undefined || failed.startsWith("Uncaught error")) {
      return verdict(false, "no test of its own failed");
    }
    return verdict(true, failed.replace(/^.* => /, ""));
  } finally {
    Deno.writeTextFileSync(root + mutant.file, text);
  }
}

async function withoutBug(mutant: Mutant, root: string): Promise<string | null> {
  const { code, output } = await runTests(mutant, root);
  if (code !== 0) return "its tests fail without it";
  return /^[1-9]\d* passed, /m.test(output) ? null : "its tests did not run";
}

async function runTests(mutant: Mutant, root: string): Promise<{ code: number; output: string }> {
  const filter = mutant.filter === undefined ? [] : [`--filter=${mutant.filter}`];
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${root}scripts/test.ts`, ...filter, ...mutant.tests],
    cwd: root,
    stdin: "null",
    stderr: "null",
  }).output();
  return { code, output: new TextDecoder().decode(stdout) };
}

function copy(from: string, to: string): void {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    if (left.has(name)) continue;
    if (isDirectory) {
      Deno.mkdirSync(`${to}${name}`);
      copy(`${from}${name}/`, `${to}${name}/`);
    } else if (isFile) Deno.copyFileSync(from + name, to + name);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: { json: { type: "boolean", default: false } },
  });
  const all = readMutants();
  const unknown = positionals.filter((id) => !all.some((mutant) => mutant.id === id));
  if (unknown.length > 0) {
    console.error(`no entry ${unknown.join(", ")} in tests/mutants/`);
    Deno.exit(2);
  }
  const chosen = positionals.length === 0 ? all : all.filter(({ id }) => positionals.includes(id));
  const width = Math.max(0, ...chosen.map(({ id }) => id.length));
  const verdicts = await tryAll(chosen, ({ id, bug, noticed, by, ms }) => {
    if (values.json) return;
    const seconds = `${(ms / 1000).toFixed(0)} s`.padStart(5);
    console.log(`${id.padEnd(width)}  ${noticed ? "noticed  " : "UNNOTICED"} ${seconds}  ${bug} | ${by}`);
  });
  const noticed = verdicts.filter((verdict) => verdict.noticed).length;
  if (values.json) {
    verdicts.sort((a, b) => a.id < b.id ? -1 : 1);
    console.log(
      JSON.stringify(
        verdicts.map(({ id, bug, file, noticed, by, ms }) => ({ id, bug, file, noticed, by, ms })),
      ),
    );
  } else console.log(`\n${noticed} noticed, ${verdicts.length - noticed} unnoticed`);
  if (noticed < verdicts.length) Deno.exit(1);
}

if (import.meta.main) await main();
