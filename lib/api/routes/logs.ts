/** The log, as it stands in its files. */
import type { Pattern } from "../../pattern.ts";
import { notOffered, Refused, route, streamOf, wholeOf } from "../route.ts";

/** From a running loader only so much of each file is looked through: it has other things to do. */
const maxBytes = 4 << 20;
const longestPattern = 200;

export const logs = route({
  method: "GET",
  path: "/v1/logs",
  summary: "The last lines of the log, and with follow=true what is added: a JSON object per line",
  description: "Looks at the last 4 MiB of a file; `alexa-loader logs` reads all of them, rotated ones too.",
  query: (z) =>
    z.object({
      service: z.string().min(1).max(200).optional().meta({
        description: "only its lines; `loader` has its own",
      }),
      since: z.whole(0, 10 ** 10).optional().meta({ description: "not older than this, s" }),
      grep: z.string().min(1).max(longestPattern).optional().meta({
        description: "a regular expression (RE2's syntax)",
      }),
      tail: z.whole(0, 10_000).default(100),
      follow: z.enum(["true", "false"]).default("false"),
    }),
  answer: (z) => z.string().meta({ description: "on each line an object {at, tag, level, message}" }),
  type: "application/x-ndjson",
  lasts: true,
  refuses: { 404: "there is no such service", 501: "this loader keeps no log files" },
  async handle({ target, query, signal }) {
    const { clock, logFolder } = target;
    if (!logFolder || !clock) return notOffered("this loader keeps no log files");
    const { followLines, lastLines, tagOf } = await import("../../log/reader.ts");
    const names = target.status().services.map((service) => service.name);
    const { service, since, tail, follow } = query;
    if (service !== undefined && service !== "loader" && !names.includes(service)) {
      const { unknownService } = await import("./services.ts");
      throw unknownService(service, names);
    }
    const question = {
      dir: logFolder,
      tag: service === undefined ? null : tagOf(service),
      since: since === undefined ? undefined : clock.wall().getTime() - since * 1000,
      grep: query.grep === undefined ? undefined : await patternOf(query.grep),
      tail,
      maxBytes,
    };
    return follow === "true"
      ? streamOf("application/x-ndjson", text(followLines(question, { clock, signal })))
      : await wholeOf("application/x-ndjson", text(await lastLines(question)));
  },
});

async function patternOf(source: string): Promise<Pattern> {
  const { compilePattern } = await import("../../pattern.ts");
  try {
    return await compilePattern(source);
  } catch (error) {
    throw new Refused(400, "bad_parameter", `grep: ${(error as Error).message}`);
  }
}

async function* text(lines: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<string> {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}
