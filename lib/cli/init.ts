/** `init`: the first files of one's own assistant. Never overwrites. */
import { missingCommands } from "../clean_start/commands.ts";
import { files } from "../demo/init/mod.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { loadPlan } from "../loader/load_plan.ts";
import { makeDir, writeNew } from "../sys/files/files.ts";
import { environment } from "../sys/host.ts";
import { resolveDemo } from "../sys/self.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";

const starterConfig = "config/loader.yaml";
/** Where the starter may lie if its usual place is taken. */
const beside = "my/config/loader.yaml";

export async function init(this: Cli, flags: { from?: "demo"; config?: string }): Promise<void> {
  const config = flags.config ?? starterConfig;
  // The starter's services lie in a folder beside the configuration's own, where its `workdir: ..` finds them.
  const folder = folderOf(config);
  const base = config === starterConfig ? "" : `${folder || "."}/../`;
  let written = 0;
  let kept = false;
  for (const file of files({ fromDemo: flags.from === "demo" })) {
    const path = file.path === starterConfig ? config : base + file.path;
    try {
      if (folderOf(path)) makeDir(folderOf(path));
      const isNew = writeNew(path, file.text, file.mode);
      print(isNew ? `wrote  ${path}` : `kept   ${path} (it is there already)`);
      if (isNew) written++;
      else if (path === config) kept = true;
    } catch (error) {
      throw new LoaderError("usage", `cannot write ${path}: ${reasonOf(error)}`, {
        hint: "run init in a folder that you may write",
      });
    }
  }
  const problem = kept ? await problemOf(config) : null;
  if (problem !== null) {
    const from = flags.from === undefined ? "" : ` --from ${flags.from}`;
    print(`
${config} is another configuration than the starter's, and up would not start it:
${problem}

Next: \`alexa-loader init${from} --config ${beside}\` writes the starter beside it;
then \`alexa-loader check\` and \`alexa-loader up\`, both with \`--config ${beside}\`.`);
    return;
  }
  print(
    written === 0
      ? "\nNothing written."
      : "\nNext: `alexa-loader check`, then `alexa-loader up`. The files say where your own engines go.",
  );
}

/** Why a configuration that was there already cannot be started; null when nothing is in its way. */
async function problemOf(config: string): Promise<string | null> {
  try {
    const { plan } = await loadPlan({ config });
    const missing = await missingCommands(plan, { resolve: resolveDemo, env: environment() });
    if (missing.length === 0) return null;
    return missing.map(({ service, what }) => `  ${service.name}: ${what} is not there`).join("\n");
  } catch (error) {
    if (!(error instanceof LoaderError)) throw error;
    return `  ${error.message.split("\n")[0]}`;
  }
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
