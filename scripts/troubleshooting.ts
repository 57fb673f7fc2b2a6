/** docs/troubleshooting.md, from the doctor's rules. */
import { ruleBook } from "../lib/doctor/judge.ts";

/** A sentence of the rules in Markdown: what looks like a tag or a placeholder stays text. */
const plain = (text: string) => text.replaceAll("<", "&lt;").replaceAll("*", "\\*");
const sentence = (text: string) => /[.!?]$/.test(text) ? text : `${text}.`;

export function troubleshootingPage(): string {
  const count = ruleBook.reduce((sum, { rules }) => sum + rules.length, 0);
  const contents = ruleBook.flatMap(({ subject, rules }) => [
    `- ${subject}: ${rules.map(({ id }) => `[${id}](#${id})`).join(", ")}`,
  ]);
  const sections = ruleBook.flatMap(({ subject, rules }) => [
    `## ${subject}\n`,
    ...rules.map(({ id, severity, looksAt, sees, why, mend }) =>
      `### ${id}\n\n**${sees}** (${severity}). ${sentence(plain(why))}\n\n- To do: ${
        plain(mend)
      }\n- Looks at: ${plain(looksAt)}\n`
    ),
  ]);
  return `# Troubleshooting

Generated from the rules in \`lib/doctor/rules/\` (\`deno task generate\`); not to be edited.

\`alexa-loader doctor\` looks at all of this in less than 3 s, with or without a configuration and a running loader, and
names what it finds with the command for this very case. \`fail\`: the assistant does not work so (exit 3). \`warn\`: not
for long, or not well. \`info\`: good to know. ${count} rules:

${contents.join("\n")}

For a bug report, \`alexa-loader doctor --bundle FILE\` writes what it saw, the configuration, status, boots and the last
log lines into one file, without secrets.

${sections.join("\n")}`;
}
