/** `completions`: what a shell needs to complete our command line, out of what the commands declare. */
import { type InputCompletion, proposeCompletions } from "@stricli/core";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";

type Word = Pick<InputCompletion, "completion" | "brief">;

/** After the words of `path` may come `words`. */
interface Place {
  path: string[];
  words: Word[];
}

/** Flags whose value is a file. */
const files = ["--config", "--html", "--out", "--svg", "--trace"];
const version: Word = { completion: "--version", brief: "Print version information and exit" };
const help: Word = { completion: "--help", brief: "Print help information and exit" };

export async function completions(this: Cli, _flags: unknown, shell: keyof typeof scripts): Promise<void> {
  print(scripts[shell](await places(this, [])).trimEnd());
}

/** All places below `path`, that one first. */
async function places(cli: Cli, path: string[], target = cli.app!.root): Promise<Place[]> {
  const propose = async (partial: string, kind: InputCompletion["kind"]) => {
    const context = { process: cli.process, forCommand: () => cli };
    const proposed = await proposeCompletions(cli.app!, [...path, partial], context);
    return proposed.filter((each) => each.kind === kind);
  };
  // Asked for what is below a command that has a default, it proposes that one's flags only.
  const entries = "getAllEntries" in target ? target.getAllEntries().filter(({ hidden }) => !hidden) : [];
  const below = entries.map(({ name, target }) => ({
    completion: name["convert-camel-to-kebab"],
    brief: target.brief,
    target,
  }));
  const values = await propose("", "argument:value");
  const flags = path.length === 0 ? [version] : await propose("--", "argument:flag");
  const rest = await Promise.all(below.map((each) => places(cli, [...path, each.completion], each.target)));
  return [{ path, words: [...below, ...values, ...flags, help] }, ...rest.flat()];
}

const scripts = {
  bash: (all: Place[]) =>
    `# bash completion for alexa-loader: . <(alexa-loader completions bash)

_alexa_loader() {
  local words current=\${COMP_WORDS[COMP_CWORD]}
  case \${COMP_WORDS[COMP_CWORD - 1]} in
    ${files.join(" | ")})
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
  esac
  case "\${COMP_WORDS[*]:1:COMP_CWORD - 1} " in
${
      longestFirst(all).map(({ path, words }) =>
        `    '${path.map((word) => `${word} `).join("")}'*) words='${list(words)}' ;;`
      ).join("\n")
    }
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o filenames -F _alexa_loader alexa-loader
`,
  zsh: (all: Place[]) =>
    `#compdef alexa-loader
# zsh completion for alexa-loader: alexa-loader completions zsh > a folder of $fpath, as _alexa-loader

_alexa_loader() {
  local -a words_here
  case "$words[CURRENT - 1]" in
    ${files.join(" | ").replaceAll(" | ", "|")}) _files; return ;;
  esac
  case "\${(j: :)words[2,CURRENT - 1]} " in
${
      longestFirst(all).map(({ path, words }) =>
        `    '${path.map((word) => `${word} `).join("")}'*) words_here=(${
          words.map(({ completion, brief }) => quoted(`${completion}:${brief}`)).join(" ")
        }) ;;`
      ).join("\n")
    }
  esac
  _describe alexa-loader words_here
}
compdef _alexa_loader alexa-loader
`,
  fish: (all: Place[]) =>
    `# fish completion for alexa-loader: alexa-loader completions fish | source
complete -c alexa-loader -f
${
      all.flatMap(({ path, words }) =>
        words.map(({ completion, brief }) => {
          const when = path.length === 0
            ? completion.startsWith("--") ? "true" : "__fish_use_subcommand"
            : path.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
          const what = completion.startsWith("--") ? `-l ${completion.slice(2)}` : `-a ${completion}`;
          const file = files.includes(completion) ? " -r -F" : "";
          return `complete -c alexa-loader -n '${when}' ${what}${file} -d ${quoted(brief)}`;
        })
      ).join("\n")
    }
`,
};

const longestFirst = (all: Place[]) => [...all].sort((a, b) => b.path.length - a.path.length);
const list = (words: Word[]) => words.map(({ completion }) => completion).join(" ");
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
