/** A kind of warm-up that the program does not have: it writes a file. */
import { needed, nothing, warmupKind } from "../../../lib/warmups/kind.ts";

export const touchWarmup = warmupKind({
  kind: "touch",
  schema: ({ z, text }, common) =>
    z.strictObject({
      kind: z.literal("touch").describe("A file is written"),
      ...common,
      file: text().optional().describe("The file; none, no warm-up"),
    }),
  rules({ file }, service, found) {
    if (file === "") needed("file", "`file`", service, found);
  },
  plan: ({ file }, { name }) =>
    file === undefined ? nothing(`${name} names no file`, true) : { kind: "touch", file },
  describe: ({ file }) => `touch ${file}`,
  where: ({ file }) => file,
  async run({ file }, { clock }) {
    const began = clock.now();
    await Deno.writeTextFile(file, "");
    return { state: "warmed", ms: clock.now() - began, detail: "written" };
  },
});
