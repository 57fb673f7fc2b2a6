/** A kind of readiness that the program does not have: a file is there. */
import { probeKind } from "../../../lib/probes/kind.ts";
import { ready, waiting } from "../../../lib/probes/results.ts";

export const fileProbe = probeKind({
  type: "file",
  schema: ({ z, text }) =>
    z.strictObject({
      type: z.literal("file").describe("Ready when a file is there"),
      path: text().describe("The file"),
    }),
  rules({ path, raw }, { service }, found) {
    if (raw.path !== "/dev/null") return;
    found.warnings.push({
      path: [...path, "path"],
      at: "value",
      message: `${service.name}: it is always there`,
    });
  },
  plan: ({ path }) => ({ path }),
  describe: ({ path }) => `file ${path}`,
  create: ({ path }) => ({
    check: () => Deno.stat(path).then(() => ready("there"), () => waiting("not there yet")),
  }),
});
