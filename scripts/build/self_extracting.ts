/** The single file for where no `denort` is to be had: a shell script, then the runtime and the program. */
import manifest from "../../deno.json" with { type: "json" };
import script from "./header.sh" with { type: "text" };
import { type Part, unseen } from "./bundle.ts";
import { packedFlags } from "./flags.ts";
import { sha256 } from "./info.ts";
import { gzipped, tar, type TarFile } from "./tar.ts";

export interface SelfExtractingOptions {
  parts: readonly Part[];
  /** A `deno` executable for the target. */
  runtime: Uint8Array<ArrayBuffer>;
  target: string;
  /** 1 (quick) to 9 (small). */
  level: number;
}

export async function selfExtracting(o: SelfExtractingOptions): Promise<Uint8Array<ArrayBuffer>> {
  const files: TarFile[] = [
    ...o.parts.map(({ name, bytes }) => ({ name, bytes: unseen(bytes), mode: 0o600 })),
    { name: "alexa-loader", bytes: o.runtime, mode: 0o700 },
  ];
  const sums = (await Promise.all(files.map(async ({ name, bytes }) => `${await sha256(bytes)}  ${name}`)))
    .join(
      "\n",
    );
  const archive = await gzipped(tar(files), o.level);
  const head = header({
    VERSION: manifest.version,
    TARGET: o.target,
    HASH: (await sha256(new TextEncoder().encode(packedFlags.join(" ") + sums))).slice(0, 24),
    ARCHIVE_SUM: await sha256(archive),
    FLAGS: packedFlags.join(" "),
    SUMS: sums,
  });
  const file = new Uint8Array(head.length + archive.length);
  file.set(head);
  file.set(archive, head.length);
  return file;
}

/** The script with its values; the archive begins right after it. */
function header(values: Record<string, string>): Uint8Array {
  const unfilled = script.replace(/@([A-Z_]+)@/g, (mark, name) => values[name] ?? mark);
  const length = (offset: string) => new TextEncoder().encode(unfilled.replace("@OFFSET@", offset)).length;
  let offset = "";
  while (offset !== String(length(offset) + 1)) offset = String(length(offset) + 1); // its own digits count too
  return new TextEncoder().encode(unfilled.replace("@OFFSET@", offset));
}
