/** No warm-up: switched off, or no way to make one is known. Spec: §9; CONTRACT §4. */
import { type Nothing, nothing, warmupKind } from "./kind.ts";

export const none = warmupKind({
  kind: "none",
  schema: ({ z }, common) =>
    z.strictObject({
      kind: z.literal("none").describe("No warm-up: ready is enough"),
      ...common,
    }),
  plan: (): Nothing => nothing("switched off"),
  describe: ({ why, warn }) => `${warn ? "WARNING: " : ""}none: ${why}`,
  where: () => "nowhere",
  async run({ why, warn }, { choose }) {
    return warn
      ? { state: "not_offered", detail: why, hint: choose }
      : { state: "warmed", ms: 0, detail: why };
  },
});
