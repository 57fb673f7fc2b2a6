/**
 * The Debian package: the one file, its manual page, completion, a systemd user unit that is not enabled, and the
 * documentation. Made without root and without Debian's tools; it has no maintainer scripts, so installing it runs nothing.
 */
import manifest from "../../deno.json" with { type: "json" };
import unit from "./debian/alexa-loader.service" with { type: "text" };
import { root } from "./info.ts";
import { bashCompletion, commandHelps, manualPage } from "./manual.ts";
import { gzipped, tar, type TarFile, type TarFolder } from "./tar.ts";

/** Debian's names for the targets that it knows. */
export const debianArchitectures: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "amd64",
  "aarch64-unknown-linux-gnu": "arm64",
};

export interface DebOptions {
  /** The built program for the target. */
  program: Uint8Array<ArrayBuffer>;
  /** "amd64" or "arm64". */
  architecture: string;
  /** When the commit was made, ISO 8601: no other time is in it. */
  built: string | null;
}

const version = `${manifest.version}-1`;
const maintainer = `${manifest.name} maintainers <${manifest.name}@localhost>`;

export const debFileName = (architecture: string) => `${manifest.name}_${version}_${architecture}.deb`;

export async function debPackage(o: DebOptions): Promise<Uint8Array<ArrayBuffer>> {
  const date = o.built ?? "1980-01-01T00:00:00Z";
  const time = Math.floor(Date.parse(date) / 1000);
  const commands = await commandHelps();
  const encode = (text: string) => new TextEncoder().encode(text);
  const ours = (name: string) => Deno.readFileSync(root + name);
  const docs = `usr/share/doc/${manifest.name}`;
  const file = (name: string, bytes: Uint8Array<ArrayBuffer>, mode = 0o644): TarFile => ({
    name,
    bytes,
    mode,
  });
  const files = [
    file("usr/bin/alexa-loader", o.program, 0o755),
    file("usr/lib/systemd/user/alexa-loader.service", encode(unit)),
    file("usr/share/bash-completion/completions/alexa-loader", encode(await bashCompletion())),
    file(`${docs}/README.md`, ours("README.md")),
    ...filesBelow("docs").map((name) => file(`${docs}/${name}`, ours(name))),
    file(`${docs}/changelog.gz`, await gzipped(ours("CHANGELOG.md"))),
    file(`${docs}/changelog.Debian.gz`, await gzipped(encode(debianChangelog(new Date(date))))),
    file(`${docs}/copyright`, ours("LICENSE")),
    file("usr/share/man/man1/alexa-loader.1.gz", await gzipped(encode(manualPage(commands, date)))),
  ];
  const data = await gzipped(tar(withFolders(files), time));
  const sizeKb = Math.ceil(files.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024);
  const control = await gzipped(tar([
    { name: "./", bytes: null, mode: 0o755 },
    file("./control", encode(controlFile(o.architecture, sizeKb))),
  ], time));
  return await ar(
    [["debian-binary", encode("2.0\n")], ["control.tar.gz", control], ["data.tar.gz", data]],
    time,
  );
}

/** In the order of their names, so that it is the same everywhere. */
function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(root + folder)].sort((a, b) => a.name < b.name ? -1 : 1)
    .flatMap(({ name, isDirectory }) =>
      isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
    );
}

function controlFile(architecture: string, sizeKb: number): string {
  return [
    `Package: ${manifest.name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${sizeKb}`,
    "Depends: libc6 (>= 2.29)",
    "Suggests: python3",
    "Section: sound",
    "Priority: optional",
    'Description: takes a local voice assistant from power-on to "you can talk now"',
    " Starts wake word, speech to text, language model and text to speech in order,",
    " each when the one before is ready and warm; greets once; watches and restarts",
    " them; says what still works when something breaks; and stops them without a",
    " trace. The demo needs no GPU, no sound card and nothing else installed.",
    "",
  ].join("\n");
}

function debianChangelog(date: Date): string {
  const when = date.toUTCString().replace("GMT", "+0000");
  const entry =
    `${manifest.name} (${version}) unstable; urgency=medium\n\n  * What changed stands in changelog.gz.\n`;
  return `${entry}\n -- ${maintainer}  ${when}\n`;
}

/** With every folder above them, before what is in it. */
function withFolders(files: readonly TarFile[]): (TarFile | TarFolder)[] {
  const folders = new Set<string>();
  for (const { name } of files) {
    for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
      folders.add(name.slice(0, at + 1));
    }
  }
  const all: (TarFile | TarFolder)[] = [
    ...[...folders].map((name) => ({ name, bytes: null, mode: 0o755 })),
    ...files,
  ];
  const sorted = all.map((file) => ({ ...file, name: `./${file.name}` })).sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
  return [{ name: "./", bytes: null, mode: 0o755 }, ...sorted];
}

/** The archive format of `ar`: what a package is. */
async function ar(
  members: readonly [string, Uint8Array<ArrayBuffer>][],
  time: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: BlobPart[] = ["!<arch>\n"];
  for (const [name, bytes] of members) {
    const head = [name.padEnd(16), String(time).padEnd(12), "0".padEnd(6), "0".padEnd(6), "100644".padEnd(8)];
    parts.push(`${head.join("")}${String(bytes.length).padEnd(10)}\`\n`, bytes);
    if (bytes.length % 2 === 1) parts.push("\n");
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
