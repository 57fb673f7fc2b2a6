/**
 * The built file that the packaged tests run: the one that ALEXA_LOADER_BIN names, else a self-extracting one of these
 * very sources, built once for all test files and kept under dist/test/ until the sources change.
 */
import { build } from "../../scripts/build.ts";

const root = new URL("../../", import.meta.url).pathname;
const sources = ["main.ts", "deno.json", "deno.lock", "lib", "config", "scripts/build.ts", "scripts/build"];
const keptMs = 600_000;

/** Absolute path. */
export async function builtFile(): Promise<string> {
  return Deno.env.get("ALEXA_LOADER_BIN") ?? await selfExtractingFile();
}

/** Absolute path of a self-extracting file, whatever ALEXA_LOADER_BIN names. */
export async function selfExtractingFile(): Promise<string> {
  const shelf = `${root}dist/test`;
  await Deno.mkdir(shelf, { recursive: true });
  using lock = await Deno.open(`${shelf}/lock`, { create: true, write: true });
  await lock.lock(true);
  const folder = `${shelf}/${await sourcesHash()}`;
  const output = `${folder}/alexa-loader`;
  if (!exists(output)) {
    for (const entry of Deno.readDirSync(shelf)) {
      const age = Date.now() - (Deno.statSync(`${shelf}/${entry.name}`).mtime?.getTime() ?? 0);
      if (entry.isDirectory && age > keptMs) await Deno.remove(`${shelf}/${entry.name}`, { recursive: true });
    }
    await build(
      { target: Deno.build.target, kind: "self-extracting", runtime: null, output, fast: true },
      () => {},
    );
  }
  return output;
}

/** How the file's own script calls its runtime. */
export function flagsOf(file: string): string[] {
  using opened = Deno.openSync(file);
  const head = new Uint8Array(16_384);
  const text = new TextDecoder().decode(head.subarray(0, opened.readSync(head) ?? 0));
  const flags = /^flags='(.*)'$/m.exec(text);
  if (!flags) throw new Error(`${file} is no self-extracting file`);
  return flags[1]!.split(" ");
}

async function sourcesHash(): Promise<string> {
  const files = sources.flatMap((path) => [...walk(path)]).sort();
  const parts: BlobPart[] = [Deno.version.deno];
  for (const path of files) parts.push(`\n${path}\n`, Deno.readFileSync(root + path));
  const bytes = await new Blob(parts).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
}

function* walk(path: string): Generator<string> {
  if (!Deno.statSync(root + path).isDirectory) return yield path;
  for (const entry of Deno.readDirSync(root + path)) yield* walk(`${path}/${entry.name}`);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
