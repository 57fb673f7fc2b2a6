/**
 * The npm package: the program's parts, a script that becomes the runtime, and npm's package of the runtime as its only
 * dependency. Nothing is run when it is installed, and the same commit gives the same bytes.
 */
import manifest from "../../deno.json" with { type: "json" };
import { type Part, unseen } from "./bundle.ts";
import { packedFlags } from "./flags.ts";
import { root, sha256 } from "./info.ts";
import script from "./npm.sh" with { type: "text" };
import { gzipped, tar, type TarFile } from "./tar.ts";

/** As a file's name of npm's own making. */
export const npmFileName = `${manifest.name}-${manifest.version}.tgz`;

/** A gzipped tar archive as `npm install` takes it. `deno`: the version of the runtime. */
export async function npmPackage(parts: readonly Part[], deno: string): Promise<Uint8Array<ArrayBuffer>> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const ours = (name: string) => Deno.readFileSync(root + name);
  const program = parts.map(({ name, bytes }) => ({
    name: `program/${name}`,
    bytes: unseen(bytes),
    mode: 0o644,
  }));
  const sums = await Promise.all(program.map(async ({ name, bytes }) => `${await sha256(bytes)}  ${name}`));
  const values: Record<string, string> = {
    VERSION: manifest.version,
    FLAGS: packedFlags.join(" "),
    HASH: (await sha256(encode([deno, ...sums].join("\n")))).slice(0, 24),
  };
  const files: TarFile[] = [
    { name: "package.json", bytes: encode(packageJson(deno)), mode: 0o644 },
    {
      name: "bin/alexa-loader",
      bytes: encode(script.replace(/@([A-Z]+)@/g, (mark, name) => values[name] ?? mark)),
      mode: 0o755,
    },
    ...["README.md", "LICENSE", "CHANGELOG.md"].map((name) => ({ name, bytes: ours(name), mode: 0o644 })),
    ...program,
  ];
  const archive = tar(files.map((file) => ({ ...file, name: `package/${file.name}` })));
  return await gzipped(archive);
}

function packageJson(deno: string): string {
  const facts = {
    name: manifest.name,
    version: manifest.version,
    description: 'Takes a local voice assistant from power-on to "you can talk now", and keeps it that way',
    license: manifest.license,
    type: "module",
    bin: { [manifest.name]: "bin/alexa-loader" },
    files: ["bin", "program"],
    os: ["linux", "darwin"],
    cpu: ["x64", "arm64"],
    engines: { node: ">=18" },
    dependencies: { deno },
    keywords: ["voice-assistant", "wake-word", "wyoming", "supervisor", "local"],
  };
  return JSON.stringify(facts, null, 2) + "\n";
}
