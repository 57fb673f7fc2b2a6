/** `init`: the first files of one's own assistant. Never overwrites. */
import { files } from "../demo/init/mod.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { makeDir, writeNew } from "../sys/files.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./mod.ts";

const starterConfig = "config/loader.yaml";

export function init(this: Cli, flags: { from?: "demo"; config?: string }): void {
  const config = flags.config ?? starterConfig;
  // The starter's services lie in a folder beside the configuration's own, where its `workdir: ..` finds them.
  const folder = folderOf(config);
  const base = config === starterConfig ? "" : `${folder || "."}/../`;
  let written = 0;
  for (const file of files({ fromDemo: flags.from === "demo" })) {
    const path = file.path === starterConfig ? config : base + file.path;
    try {
      if (folderOf(path)) makeDir(folderOf(path));
      const isNew = writeNew(path, file.text, file.mode);
      print(isNew ? `wrote  ${path}` : `kept   ${path} (it is there already)`);
      if (isNew) written++;
    } catch (error) {
      throw new LoaderError("usage", `cannot write ${path}: ${reasonOf(error)}`, {
        hint: "run init in a folder that you may write",
      });
    }
  }
  print(
    written === 0
      ? "\nNothing written."
      : "\nNext: `alexa-loader check`, then `alexa-loader up`. The files say where your own engines go.",
  );
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
