/** What is wrong, asked of rules for failures that people really have. */
import type { ZodType } from "zod";
import type { DoctorReport, Severity } from "../../model/doctor.ts";
import { notOffered, route } from "../route.ts";

export const doctor = route({
  method: "GET",
  path: "/v1/doctor",
  summary: "What is wrong with machine, configuration or loader, each with what mends it",
  description:
    "Looks now, which takes up to 3 s; those who ask meanwhile get the same answer. Starts and changes nothing.",
  answer: (z): ZodType<DoctorReport> =>
    z.looseObject({
      healthy: z.boolean().meta({ description: "no finding is a fail" }),
      findings: z.array(z.looseObject({
        id: z.string().meta({ description: "the rule; docs/troubleshooting.md has a section of this name" }),
        severity: z.string().meta({ examples: ["fail", "warn", "info"] }) as unknown as ZodType<Severity>,
        title: z.string(),
        what: z.string(),
        mend: z.string(),
      })),
      fine: z.array(z.string()),
      unjudged: z.array(z.string()),
      unread: z.array(z.string()),
      ms: z.number(),
    }).meta({ id: "DoctorReport" }),
  refuses: { 501: "this loader cannot look" },
  handle: ({ target }) => target.doctor ? target.doctor() : notOffered("this loader cannot look at itself"),
});
