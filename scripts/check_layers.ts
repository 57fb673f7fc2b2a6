/**
 * Holds the house's one direction: a file imports only from its own layer or a lower one, only `lib/sys` (and main.ts)
 * names the runtime, and the pure rooms stay pure. Part of `deno task check` and of the tests.
 */

/** Lowest first. Rooms of one rank may not import each other, except as `siblings` says. */
const ranks: Record<string, number> = {
  sys: 0,
  protocols: 1,
  log: 2,
  gpu: 2,
  metrics: 2,
  probes: 2,
  warmups: 2,
  services: 3,
  config: 4,
  plan: 4,
  run: 4,
  stop: 5,
  boot: 5,
  control: 5,
  ui: 5,
  demo: 5,
  loader: 6,
  cli: 7,
};
/** Files in lib/ itself: what everybody may use, and the top. */
const rootFiles: Record<string, number> = {
  errors: -1,
  nearest: -1,
  pattern: -1,
  short_hash: -1,
  version: -1,
  loader: 6,
  load: 6,
  mod: 7,
};
const siblings = new Set(["plan>config"]);
/** Type imports of these are free for everybody: they are the shared vocabulary. */
const vocabulary = new Set(["plan", "config"]);

export interface Breach {
  file: string;
  line: number;
  what: string;
}

function roomOf(path: string): { room: string; rank: number } {
  const [, first, second] = path.split("/");
  if (second === undefined) {
    const name = first.replace(/\.ts$/, "");
    return { room: name, rank: rootFiles[name] ?? 7 };
  }
  return { room: first, rank: ranks[first] ?? NaN };
}

const importPattern =
  /^\s*(import|export)\s+(type\s+)?[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

/** Breaches of one file; `path` is relative to the repository ("lib/voice/greeting.ts"). Pure. */
export function breachesOf(path: string, text: string): Breach[] {
  const breaches: Breach[] = [];
  const code = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|\s)\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
  const lineAt = (index: number) => code.slice(0, index).split("\n").length;
  const own = roomOf(path);
  if (Number.isNaN(own.rank)) breaches.push({ file: path, line: 1, what: `lib/${own.room}/ has no layer` });
  if (own.room !== "sys") {
    for (const match of code.matchAll(/\bDeno\s*\./g)) {
      breaches.push({ file: path, line: lineAt(match.index), what: "names Deno outside lib/sys" });
    }
    for (const match of code.matchAll(/(?<![.\w])(setTimeout|setInterval)\s*\(/g)) {
      breaches.push({ file: path, line: lineAt(match.index), what: `bare ${match[1]}: take a Clock` });
    }
  } else if (!path.endsWith("/clock.ts")) {
    for (const match of code.matchAll(/(?<![.\w])(setTimeout|setInterval)\s*\(/g)) {
      breaches.push({ file: path, line: lineAt(match.index), what: `bare ${match[1]} outside sys/clock.ts` });
    }
  }
  for (const match of code.matchAll(importPattern)) {
    const target = match[3] ?? match[4] ?? match[5];
    if (!target.startsWith(".")) continue;
    const resolved = new URL(target, `file:///${path}`).pathname.slice(1);
    if (!resolved.startsWith("lib/")) continue;
    const other = roomOf(resolved);
    if (other.room === own.room || other.rank < own.rank) continue;
    if (match[2] && vocabulary.has(other.room)) continue;
    if (siblings.has(`${own.room}>${other.room}`)) continue;
    breaches.push({
      file: path,
      line: lineAt(match.index + match[0].indexOf(match[1] ?? "import")),
      what: `${own.room} imports ${other.room} (${resolved}): against the direction`,
    });
  }
  return breaches;
}

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

if (import.meta.main) {
  Deno.chdir(new URL("..", import.meta.url));
  let files = 0;
  const breaches: Breach[] = [];
  for await (const path of sources("lib")) {
    files++;
    breaches.push(...breachesOf(path, await Deno.readTextFile(path)));
  }
  for (const { file, line, what } of breaches) console.error(`${file}:${line}: ${what}`);
  console.log(`layers: ${files} files, ${breaches.length} breaches`);
  if (breaches.length > 0) Deno.exit(1);
}
