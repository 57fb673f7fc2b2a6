/** Why it is as it is. */
import type { ZodType } from "zod";
import type { Explanation } from "../../model/explanation.ts";
import { notOffered, route } from "../route.ts";

export const explain = route({
  method: "GET",
  path: "/v1/explain",
  summary:
    "Whether one can talk, and of each service why it is as it is: the cause, what was tried since, who is in the way",
  answer: (z) =>
    z.looseObject({
      text: z.string(),
      services: z.array(z.looseObject({
        service: z.string(),
        state: z.string(),
        works: z.boolean(),
        text: z.string(),
      })),
    }).meta({ id: "Explanation" }) as ZodType<Explanation>,
  refuses: { 501: "this loader cannot tell" },
  handle: ({ target }) => target.explain?.() ?? notOffered("this loader cannot tell"),
});
