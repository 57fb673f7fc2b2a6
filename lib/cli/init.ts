/** `init`: the first files of one's own assistant. Never overwrites. */
import { missingCommands } from "../clean_start/commands.ts";
import {
  aboutPreset,
  assistantFiles,
  assistantOf,
  files,
  type Finding,
  look,
  needsSetUp,
  type Part,
  type PresetName,
  presetNames,
  presetOf,
  specificationFiles,
  type StarterFile,
  voiceHome,
} from "../demo/mod.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { loadPlan } from "../loader/load_plan.ts";
import { makeDir, writeNew } from "../sys/files/files.ts";
import { environment, workingDirectory } from "../sys/host.ts";
import { resolveDemo } from "../sys/self.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";

const starterConfig = "config/loader.yaml";
/** Where the starter may lie if its usual place is taken. */
const beside = "my/config/loader.yaml";
const nextSteps =
  "Next: `alexa-loader check`, then `alexa-loader up`. The files say where your own engines go.";

interface InitFlags {
  from?: PresetName;
  config?: string;
  list?: boolean;
}

export async function init(this: Cli, flags: InitFlags): Promise<void> {
  if (flags.list) {
    const width = Math.max(...presetNames.map((name) => name.length));
    for (const name of presetNames) print(`${name.padEnd(width)}  ${aboutPreset(name)}`);
    return;
  }
  const config = flags.config ?? starterConfig;
  // The services that are written lie in a folder beside the configuration's own, where its `workdir: ..` finds them.
  const folder = folderOf(config);
  const base = config === starterConfig ? "" : `${folder || "."}/../`;
  const { files, next } = await chosen(flags.from, this.signals.stop);
  let written = 0;
  let kept = false;
  for (const file of files) {
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
  print(written === 0 ? "\nNothing written." : `\n${next}`);
}

/** What is written, and what to do then. Without a preset it is what was found here, else the starter. */
async function chosen(
  from: PresetName | undefined,
  signal: AbortSignal,
): Promise<{ files: StarterFile[]; next: string }> {
  if (from === "demo") return { files: files({ fromDemo: true }), next: nextSteps };
  if (from === "spec") {
    const next =
      "Next: write services/stt_service.py and services/llm_service.py, then `alexa-loader check`.";
    return { files: specificationFiles(), next };
  }
  const env = environment();
  const home = voiceHome(env);
  const found = await look({ env, cwd: workingDirectory(), home, signal });
  printFound(found);
  // As a person would write it.
  const written = env.HOME && home.startsWith(`${env.HOME}/`)
    ? `\${HOME}${home.slice(env.HOME.length)}`
    : home;
  const assistant = from === undefined ? assistantOf(found, written) : presetOf(from, found, written);
  if (assistant === null) {
    const hint = "For an assistant that hears and answers: `alexa-loader init --list`.";
    return { files: files({ fromDemo: false }), next: `${nextSteps}\n${hint}` };
  }
  const isMissing = needsSetUp(assistant) && !found.some(({ choice }) => choice?.tts === "piper");
  return {
    files: assistantFiles(assistant),
    next: isMissing
      ? "Next: `python3 services/set_up.py` (570 MB to download, once), then `alexa-loader check`, then `alexa-loader up`."
      : nextSteps,
  };
}

const titles: Record<Part, string> = {
  wake: "wake word",
  stt: "hears",
  llm: "answers",
  tts: "speaks",
  sound: "sound",
  gpu: "GPU",
};

function printFound(found: Finding[]): void {
  print("Looked on this machine:");
  for (const [part, title] of Object.entries(titles)) {
    const here = found.filter((finding) => finding.part === part).map(({ what }) => what);
    print(`  ${title.padEnd(10)}${here.length > 0 ? here.join(`\n${" ".repeat(12)}`) : "nothing found"}`);
  }
  print("");
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
