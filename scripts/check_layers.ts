/**
 * Holds the house: a file imports only from its own room or from a lower one, no two files import each other in a
 * circle, only `lib/sys` names the runtime and what is ambient, and the pure rooms touch nothing outside. Part of
 * `deno task check` and of the tests.
 */

/** Lowest first. Rooms of one rank may not import each other. */
const ranks: Record<string, number> = {
  model: -3,
  sys: 0,
  protocols: 1,
  probes: 2,
  warmups: 2,
  controls: 2,
  config: 3,
  plan: 4,
  log: 5,
  metrics: 5,
  services: 6,
  gpu: 6,
  clean_start: 7,
  supervise: 7,
  voice: 7,
  prewarm: 7,
  selftest: 7,
  api: 7,
  ui: 7,
  export: 7,
  demo: 7,
  outward: 7.5,
  doctor: 7.5,
  loader: 8,
  cli: 9,
};
/** Files in lib/ itself: what everybody may use, and the public API. */
const rootFiles: Record<string, number> = {
  async: -1,
  errors: -1,
  address: -1,
  shapes: -1,
  pattern: -1,
  did_you_mean: -1,
  shape: -1,
  short_hash: -1,
  redact: 0,
  text: -2,
  version: -1,
  mod: 9,
};
/** These only compute: they import nothing of `sys/` but types, so that a test needs no machine. */
const pure = new Set(["model", "plan", "ui", "export"]);

export interface Breach {
  file: string;
  line: number;
  what: string;
}

interface Import {
  /** Relative to the repository, "lib/sys/clock.ts". */
  target: string;
  typeOnly: boolean;
  index: number;
}

function roomOf(path: string): { room: string; rank: number } {
  const [, first = "", second] = path.split("/");
  if (second === undefined) {
    const name = first.replace(/\.ts$/, "");
    return { room: name, rank: rootFiles[name] ?? NaN };
  }
  return { room: first, rank: ranks[first] ?? NaN };
}

const importPattern =
  /^\s*(?:import|export)\s+(type\s+)?[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;
const ambient =
  /(?<![.\w])(?:(Deno|console|crypto|performance|localStorage|navigator|process)\s*\.|(Date\.now|fetch)\s*\(|(Buffer|WebSocket|globalThis)\b)/g;
const bareTimer = /(?<![.\w])(setTimeout|setInterval)\s*\(/g;

/** The code without its comments, everything else at its place. */
function bare(text: string): string {
  const blank = (comment: string) => comment.replace(/[^\n]/g, " ");
  return text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/(^|\s)\/\/.*$/gm, blank);
}

function importsOf(path: string, code: string): Import[] {
  return [...code.matchAll(importPattern)].flatMap((match) => {
    const target = match[2] ?? match[3] ?? match[4] ?? "";
    if (!target.startsWith(".")) return [];
    const resolved = new URL(target, `file:///${path}`).pathname.slice(1);
    if (!resolved.startsWith("lib/")) return [];
    return [{
      target: resolved,
      typeOnly: match[1] !== undefined,
      index: match.index + match[0].search(/\S/),
    }];
  });
}

/** Breaches of one file; `path` is relative to the repository ("lib/voice/greeting.ts"). Pure. */
export function breachesOf(path: string, text: string): Breach[] {
  const breaches: Breach[] = [];
  const code = bare(text);
  const breach = (index: number, what: string) =>
    breaches.push({ file: path, line: code.slice(0, index).split("\n").length, what });
  const own = roomOf(path);
  if (Number.isNaN(own.rank)) {
    breach(0, `lib/${own.room}${path.split("/").length > 2 ? "/" : ".ts"} has no layer`);
  }
  if (own.room !== "sys") {
    for (const match of code.replace(/"[^"\n]*"/g, (text) => '"'.repeat(text.length)).matchAll(ambient)) {
      breach(match.index, `names ${match[1] ?? match[2] ?? match[3]} outside lib/sys`);
    }
  }
  if (!path.endsWith("/sys/clock.ts")) {
    for (const match of code.matchAll(bareTimer)) {
      breach(match.index, `bare ${match[1]}: take a Clock`);
    }
  }
  for (const { target, typeOnly, index } of importsOf(path, code)) {
    const other = roomOf(target);
    if (other.room !== own.room && !(other.rank < own.rank)) {
      breach(index, `${own.room} imports ${other.room} (${target}): against the direction`);
    }
    if (pure.has(own.room) && other.room === "sys" && !typeOnly) {
      breach(index, `${own.room} is pure and imports ${target}`);
    }
  }
  return breaches;
}

/** Groups of files that import each other in a circle, types included. `files`: path -> text. Pure. */
export function circlesOf(files: ReadonlyMap<string, string>): string[][] {
  const next = new Map([...files].map(([path, text]) => [
    path,
    importsOf(path, bare(text)).map(({ target }) => target).filter((target) => files.has(target)),
  ]));
  // Tarjan: a strongly connected group of more than one file is a circle.
  const order = new Map<string, number>(), low = new Map<string, number>();
  const stack: string[] = [], circles: string[][] = [];
  const visit = (path: string) => {
    order.set(path, order.size);
    low.set(path, order.get(path)!);
    stack.push(path);
    for (const target of next.get(path)!) {
      if (!order.has(target)) visit(target);
      if (stack.includes(target)) low.set(path, Math.min(low.get(path)!, low.get(target)!));
    }
    if (low.get(path) !== order.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) circles.push(group.sort());
  };
  for (const path of files.keys()) if (!order.has(path)) visit(path);
  return circles;
}

/** All of `lib/`: path -> text. `root` ends in a slash. */
export async function readHouse(root: URL): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  async function walk(folder: string): Promise<void> {
    for await (const entry of Deno.readDir(new URL(folder, root))) {
      const path = `${folder}${entry.name}`;
      if (entry.isDirectory) await walk(`${path}/`);
      else if (entry.name.endsWith(".ts")) files.set(path, await Deno.readTextFile(new URL(path, root)));
    }
  }
  await walk("lib/");
  return files;
}

if (import.meta.main) {
  const files = await readHouse(new URL("../", import.meta.url));
  const breaches = [...files].flatMap(([path, text]) => breachesOf(path, text));
  const circles = circlesOf(files);
  for (const { file, line, what } of breaches) console.error(`${file}:${line}: ${what}`);
  for (const circle of circles) console.error(`circle: ${circle.join(", ")}`);
  console.log(`layers: ${files.size} files, ${breaches.length} breaches, ${circles.length} circles`);
  if (breaches.length + circles.length > 0) Deno.exit(1);
}
