/** Another configuration while the loader runs. */
import type { ZodType } from "zod";
import type { ReloadReport } from "../../model/difference.ts";
import { notOffered, route } from "../route.ts";

export const reload = route({
  method: "POST",
  path: "/v1/reload",
  summary:
    "Read the configuration again and take over what has changed; answers when all that is started for it is up, or was given up",
  description:
    "What cannot be taken over is refused as a whole, and nothing changes then. Settings are named, their values are not told.",
  query: (z) => z.object({ dry_run: z.enum(["true", "false"]).default("false") }),
  answer: (z) => {
    const names = () => z.array(z.string());
    return z.looseObject({
      reload: z.nullable(z.number()).meta({ description: "its number; null: nothing was changed" }),
      difference: z.looseObject({
        added: names(),
        removed: names(),
        changed: z.array(z.looseObject({ service: z.string(), settings: names(), restarts: z.boolean() })),
        loader: names(),
        postponed: names().meta({ description: "settings that need a restart of the loader" }),
      }),
      starts: z.array(z.looseObject({ service: z.string(), p95_ms: z.nullable(z.number()) })),
      failed: names().meta({ description: "who did not come up" }),
    }).meta({ id: "Reload" }) as unknown as ZodType<ReloadReport>;
  },
  lasts: true,
  refuses: {
    409: "the configuration cannot be taken over, or not now: the error says why",
    501: "this loader cannot read its configuration again",
  },
  handle: ({ target, query }) =>
    target.reload?.(query.dry_run === "true") ??
      notOffered("this loader cannot read its configuration again"),
});
