/** What a shell wants of us. */
import { buildCommand } from "@stricli/core";

const shells = ["bash", "zsh", "fish"] as const;

export const completions = buildCommand({
  loader: async () => (await import("../completions.ts")).completions,
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        brief: shells.join(", "),
        parse(text: string) {
          const shell = shells.find((each) => each === text);
          if (!shell) throw new Error(`${JSON.stringify(text)} is none of ${shells.join(", ")}`);
          return shell;
        },
        placeholder: "SHELL",
        proposeCompletions: () => shells,
      }],
    },
  },
  docs: { brief: "Print the completion script of a shell: . <(alexa-loader completions bash)" },
});
