/** How the parts are that other machines run for this one. */
import type { ZodType } from "zod";
import type { Elsewhere } from "../../model/elsewhere.ts";
import { route } from "../route.ts";

export const elsewhere = route({
  method: "GET",
  path: "/v1/elsewhere",
  summary: "What the loaders of other machines tell of the services that they run for this one",
  answer: (z, { status }) =>
    z.array(z.looseObject({
      url: z.string(),
      services: z.array(z.string()),
      status: z.nullable(status),
      explanation: z.nullable(z.unknown()),
      problem: z.nullable(z.string()),
    })).meta({ id: "Elsewhere" }) as unknown as ZodType<Elsewhere[]>,
  handle: ({ target, signal }) => target.elsewhere?.(signal) ?? [],
});
