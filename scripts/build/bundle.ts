/**
 * main.ts and everything it may import, as a few minified files: a command loads only the parts it needs. (One single
 * file starts 50 ms slower, since all of it is parsed each time.)
 */
import type { BuildStamp } from "../../lib/version.ts";
import { BuildError, root, runDeno } from "./info.ts";

export interface Part {
  name: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** In the place of the literal in lib/version.ts comes the stamp. */
const stampMark = `"@build-stamp@"`;

/**
 * The bundler makes a Node `require` at each start, which loads half of Node's modules (20 ms). What needs it in the end
 * are CommonJS packages that ask for Node's own modules, so it can wait for them.
 */
const eagerRequire =
  /import\{createRequire as ([\w$]+)\} ?from ?"node:module";var ([\w$]+)=\1\(import\.meta\.url\);/g;
const lazyRequire = (name: string) =>
  `var ${name}=a=>{let b=process.getBuiltinModule(a);if(b)return b;throw new Error("no module "+a)};`;

/** The parts in the order of their names, main.js among them. */
export async function bundle(stamp: BuildStamp): Promise<Part[]> {
  const folder = await Deno.makeTempDir({ prefix: "alexa-loader-bundle-" });
  try {
    const options = ["--platform", "deno", "--minify", "--code-splitting", "--frozen"];
    const problem = await runDeno(["bundle", "--quiet", ...options, "--outdir", folder, "main.ts"]);
    if (problem !== null) throw new BuildError(`deno bundle failed:\n${problem}`);
    const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
    const texts = names.map((name) => Deno.readTextFileSync(`${folder}/${name}`));
    const stamped = texts.reduce((count, text) => count + text.split(stampMark).length - 1, 0);
    if (stamped !== 1) throw new Error(`the bundle has ${stamped} places for the build stamp instead of one`);
    const foreign = texts.findIndex((text) => text.includes(root) || /from ?"npm:/.test(text));
    if (foreign >= 0) throw new Error(`${names[foreign]} refers to something outside the bundle`);
    const commonJs = names.filter((_, at) => /(^|[;\n])export default [\w$]+\(\);/.test(texts[at]!));
    const finished = texts.map((text) => finish(text, stamp, commonJs));
    if (finished.some((text) => text.includes("createRequire"))) {
      throw new Error("the bundler writes its require in another way than lazyRequire knows");
    }
    return names.map((name, at) => ({ name, bytes: new TextEncoder().encode(finished[at]) }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * A CommonJS package that is imported lazily becomes a part with a default export alone; from source it has names too, so
 * it gets them here.
 */
const named = (part: string) => `import("./${part}").then(a=>({...a.default,default:a.default}))`;

function finish(text: string, stamp: BuildStamp, commonJs: readonly string[]): string {
  const required = text
    .replace(stampMark, () => JSON.stringify(JSON.stringify(stamp)))
    .replace(eagerRequire, (_, _create, name) => lazyRequire(name));
  return commonJs.reduce(
    (whole, part) => whole.replaceAll(`import("./${part}")`, () => named(part)),
    required,
  );
}

/**
 * `deno run` reads and digests at its start whatever it can see to be imported some day; what it cannot see it reads when
 * it is imported. Most parts never are: 3 ms less for every start.
 */
export function unseen(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(text.replace(/\bimport\(("\.\/[^"]+")\)/g, "import([$1][0])"));
}
