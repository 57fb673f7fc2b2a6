/** No way to ask: no pause, no greeting. CONTRACT §5. */
import { controlKind } from "./kind.ts";

export const none = controlKind({
  kind: "none",
  schema: ({ z }) =>
    z.strictObject({
      kind: z.literal("none").describe("No verbs: no pause, no greeting"),
    }),
  plan: () => ({ kind: "none" }),
  describe: () => "none",
  offers: () => false,
});
