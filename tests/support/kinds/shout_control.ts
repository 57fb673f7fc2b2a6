/** A kind of control that the program does not have: it keeps what it should say, and cannot be muted. */
import { controlKind } from "../../../lib/controls/kind.ts";

export const shouted: string[] = [];

export const shoutControl = controlKind({
  kind: "shout",
  schema: ({ z }) =>
    z.strictObject({
      kind: z.literal("shout").describe("Says it aloud"),
      loud: z.boolean().default(false).describe("In capitals"),
    }),
  plan: ({ loud }) => ({ kind: "shout", loud }),
  describe: ({ loud }) => loud ? "shouts" : "says it",
  offers: (_control, verb) => verb === "speak",
  async speak({ loud }, { text }) {
    shouted.push(loud ? text.toUpperCase() : text);
    return { state: "finished", spokenMs: null };
  },
});
