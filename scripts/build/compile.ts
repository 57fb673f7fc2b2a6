/** The single file by `deno compile`, from the same parts as the self-extracting one. */
import type { Part } from "./bundle.ts";
import { compileFlags } from "./flags.ts";
import { BuildError, runDeno } from "./info.ts";

/** A download that takes longer than this is one that does not work. */
const limitMs = 120_000;

export type Compiled = { ok: true } | { ok: false; reason: string };

/**
 * Writes `output`. Not ok where the runtime to compile with (`denort`) is neither named in DENORT_BIN, nor in Deno's
 * cache, nor reachable. @throws BuildError with Deno's own words when anything else is wrong.
 */
export async function compile(parts: readonly Part[], target: string, output: string): Promise<Compiled> {
  const [folder, name] = [
    output.slice(0, output.lastIndexOf("/")),
    output.slice(output.lastIndexOf("/") + 1),
  ];
  const source = await Deno.makeTempDir({ prefix: "alexa-loader-parts-" });
  // Beside the output, since Deno overwrites nothing that it did not compile, and leaves half a file when it fails.
  const beside = await Deno.makeTempDir({ dir: folder, prefix: ".compile-" });
  try {
    for (const { name, bytes } of parts) {
      await Deno.writeFile(`${source}/${name}`, bytes);
      await Deno.utime(`${source}/${name}`, 0, 0); // times are embedded, and the same parts must give the same file
    }
    const args = [...compileFlags, "--target", target, "--output", `${beside}/${name}`, `${source}/main.js`];
    const problem = await runDeno(["compile", ...args], { limitMs });
    if (problem !== null) {
      if (!/denort|base binary/i.test(problem)) throw new BuildError(`deno compile failed:\n${problem}`);
      return { ok: false, reason: /^\s*1: (.*)$/m.exec(problem)?.[1] ?? problem };
    }
    await Deno.rename(`${beside}/${name}`, output);
    return { ok: true };
  } finally {
    await Deno.remove(source, { recursive: true });
    await Deno.remove(beside, { recursive: true });
  }
}

/** What to fetch and where to put it, for the one who insists on a compiled executable. */
export async function howToGetDenort(target: string): Promise<string> {
  const release = `v${Deno.version.deno}`;
  const archive = `denort-${target}.zip`;
  return `fetch ${archive} from the ${release} release of denoland/deno and put it at ` +
    `${await denoDir()}/dl/release/${release}/${archive}, or unpack it and name the file in DENORT_BIN`;
}

async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stderr: "null" })
    .output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}
