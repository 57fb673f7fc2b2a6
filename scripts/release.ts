/**
 * `deno task release [build options]`: what is handed out, in dist/release/: the file for the target, the Debian
 * package with it, the npm package, install.sh, the SBOM, and SHA256SUMS over all of them. A compiled file per target,
 * or a self-extracting one for this machine's.
 */
import manifest from "../deno.json" with { type: "json" };
import { build, buildOptions } from "./build.ts";
import { bundle } from "./build/bundle.ts";
import { debFileName, debianArchitectures, debPackage } from "./build/deb.ts";
import { BuildError, buildStamp, root, sha256 } from "./build/info.ts";
import { npmFileName, npmPackage } from "./build/npm.ts";
import { sbom } from "./build/sbom.ts";

const folder = `${root}dist/release`;

/** Import names of deno.json that the program itself (lib/, main.ts) imports: the others are for tests and scripts. */
function programImports(): string[] {
  const texts = [...sources("main.ts"), ...sources("lib")].map((path) => Deno.readTextFileSync(root + path));
  return Object.keys(manifest.imports).filter((name) =>
    texts.some((text) => new RegExp(`(from|import\\()\\s*"${name}(/[^"]*)?"`).test(text))
  );
}

function* sources(path: string): Generator<string> {
  if (Deno.statSync(root + path).isFile) return yield path;
  for (const { name } of Deno.readDirSync(root + path)) yield* sources(`${path}/${name}`);
}

try {
  const options = buildOptions(Deno.args);
  await Deno.remove(folder, { recursive: true }).catch(() => {}); // not there yet
  await Deno.mkdir(folder, { recursive: true });
  const built = await build(
    { ...options, output: `${folder}/alexa-loader-${options.target}` },
    console.error,
  );
  console.log(`${built.output} (${built.kind})`);
  const architecture = debianArchitectures[options.target];
  if (architecture !== undefined) {
    const program = await Deno.readFile(built.output);
    const deb = await debPackage({ program, architecture, built: buildStamp().built });
    await Deno.writeFile(`${folder}/${debFileName(architecture)}`, deb);
  }
  await Deno.writeFile(
    `${folder}/${npmFileName}`,
    await npmPackage(await bundle(buildStamp()), Deno.version.deno),
  );
  await Deno.copyFile(`${root}scripts/install.sh`, `${folder}/install.sh`);
  await Deno.writeTextFile(`${folder}/alexa-loader.cdx.json`, sbom(programImports(), buildStamp().built));
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const lines = await Promise.all(
    names.map(async (name) => `${await sha256(await Deno.readFile(`${folder}/${name}`))}  ${name}\n`),
  );
  await Deno.writeTextFile(`${folder}/SHA256SUMS`, lines.join(""));
  console.log([...names, "SHA256SUMS"].map((name) => `  ${name}`).join("\n"));
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exit(1);
}
