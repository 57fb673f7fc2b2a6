/** The manual page, out of what `--help` says: it is true as long as that is. The shell's completion is the program's own. */
import manifest from "../../deno.json" with { type: "json" };
import { runtimeFlags } from "../../lib/version.ts";
import { root } from "./info.ts";

/** What one command's `--help` says. */
export interface CommandHelp {
  /** Its words: `boots show`. */
  name: string;
  /** The first is how it is called; the description follows. */
  usage: string[];
  description: string;
  /** Each as it is written, `--json`, and what it does. */
  flags: { name: string; brief: string }[];
}

/** All commands, in the order of the root's help. */
export async function commandHelps(): Promise<CommandHelp[]> {
  const commands: CommandHelp[] = [];
  for (const name of subcommands(await help([]))) {
    const text = await help([name]);
    const below = subcommands(text).map((sub) => `${name} ${sub}`);
    if (below.length === 0) commands.push(parse(name, text));
    for (const each of below) commands.push(parse(each, await help(each.split(" "))));
  }
  return commands;
}

const help = (words: string[]) => said([...words, "--help"]);

/** For bash. */
export const bashCompletion = () => said(["completions", "bash"]);

async function said(words: string[]): Promise<string> {
  const args = ["run", ...runtimeFlags, "main.ts", ...words];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${words.join(" ")}: ${text(stderr)}`);
  return text(stdout);
}

/** The lines of a part of the help, without its indent. */
function part(text: string, title: string): string[] {
  const lines = text.split("\n");
  const begin = lines.indexOf(title);
  if (begin < 0) return [];
  const end = lines.findIndex((line, i) => i > begin && line === "");
  return lines.slice(begin + 1, end < 0 ? undefined : end).map((line) => line.trim()).filter(Boolean);
}

function subcommands(text: string): string[] {
  return part(text, "COMMANDS").map((line) => line.split(" ")[0]!);
}

function parse(name: string, text: string): CommandHelp {
  const flags = part(text, "FLAGS").flatMap((line) => {
    const found = /--([a-z-]+)\S*\s+(.*)$/.exec(line);
    return found && found[1] !== "help" ? [{ name: `--${found[1]}`, brief: found[2]! }] : [];
  });
  const description = text.slice(text.indexOf("\n\n") + 2, text.indexOf("\nFLAGS\n")).trim();
  return { name, usage: part(text, "USAGE").slice(0, 1), description, flags };
}

/** For man(1). `date`: ISO 8601. */
export function manualPage(commands: readonly CommandHelp[], date: string): string {
  const plain = (text: string) =>
    text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(['.])/gm, "\\&$1");
  const lines = [
    `.TH ALEXA\\-LOADER 1 "${date.slice(0, 10)}" "alexa\\-loader ${manifest.version}" "User Commands"`,
    ".SH NAME",
    plain('alexa-loader - takes a local voice assistant from power-on to "you can talk now"'),
    ".SH SYNOPSIS",
    ".B alexa\\-loader",
    ".I command",
    "[options]",
    ".SH DESCRIPTION",
    plain(
      "Starts the services of a local voice assistant (wake word, speech to text, language model, text to speech) one after " +
        "the other, each when the one before is ready and warm; greets once; watches and restarts them; and stops them " +
        "in order without a trace.",
    ),
    ".SH COMMANDS",
  ];
  for (const { name, usage, description, flags } of commands) {
    lines.push(`.SS ${plain(name)}`, `.B ${plain(usage[0] ?? name)}`, ".PP", plain(description));
    for (const flag of flags) lines.push(".TP", `.B ${plain(flag.name)}`, plain(flag.brief));
  }
  lines.push(
    ".SH EXIT STATUS",
    plain(
      "0 stopped cleanly, 2 usage or configuration, 3 precheck, 4 boot failed, 5 no running loader, 6 stopped but for " +
        "something that could not be ended, 130 killed by a second signal.",
    ),
    ".SH FILES",
    ".TP",
    plain("./config/loader.yaml, ~/.config/alexa-loader/loader.yaml"),
    "The configuration, looked for in this order.",
    ".TP",
    plain("~/.local/state/alexa-loader/"),
    "Logs, the history of boots, and what the next boot must know of this one.",
    ".SH SEE ALSO",
    plain("The documentation in /usr/share/doc/alexa-loader/."),
  );
  return lines.join("\n") + "\n";
}
