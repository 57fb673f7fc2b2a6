/** `init`: the first files of one's own assistant. Never overwrites. */
import { files } from "../demo/init/mod.ts";
import { makeDir, writeNew } from "../sys/files.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./mod.ts";

export function init(this: Cli, flags: { from?: "demo" }): void {
  let written = 0;
  for (const file of files({ fromDemo: flags.from === "demo" })) {
    const folder = file.path.slice(0, file.path.lastIndexOf("/"));
    if (folder) makeDir(folder);
    const isNew = writeNew(file.path, file.text, file.mode);
    print(isNew ? `wrote  ${file.path}` : `kept   ${file.path} (it is there already)`);
    if (isNew) written++;
  }
  print(
    written === 0
      ? "\nNothing written."
      : "\nNext: `alexa-loader check`, then `alexa-loader up`. The files say where your own engines go.",
  );
}
