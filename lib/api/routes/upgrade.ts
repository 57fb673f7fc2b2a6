/** Another version of the program in the place of the one that runs. */
import { notOffered, route } from "../route.ts";

const unknown = () => notOffered("this loader cannot be upgraded while it runs");

export const upgrade = route({
  method: "POST",
  path: "/v1/upgrade",
  summary:
    "Execute another version of the program in the place of this one; answers when that was checked and begun",
  description:
    "Without a file the program that is installed is executed once more. The process, the services and this " +
    "socket stay; GET /v1/upgrade tells how it went.",
  query: (z) =>
    z.object({
      file: z.nullable(z.string()).default(null),
      sha256: z.nullable(z.string()).default(null),
      rollback: z.enum(["true", "false"]).default("false"),
    }),
  answer: (z) => z.looseObject({ from: z.string(), to: z.string(), at: z.string() }),
  status: 202,
  lasts: true,
  refuses: {
    409: "what was found to be wrong with it; nothing was changed",
    501: "this loader cannot do it",
  },
  handle({ target, log, query }) {
    if (!target.upgrade) return unknown();
    const what = query.rollback === "true"
      ? "Rollback"
      : query.file === null
      ? "Restart in place"
      : "Upgrade";
    log(`${what} requested on the control socket${query.file === null ? "" : `: ${query.file}`}`);
    return target.upgrade({ ...query, rollback: query.rollback === "true" });
  },
});

export const takenOver = route({
  method: "GET",
  path: "/v1/upgrade",
  summary: "How the version that runs took over from the one before; null if it booted by itself",
  answer: (z) =>
    z.nullable(z.looseObject({
      from: z.string(),
      to: z.string(),
      at: z.string(),
      services: z.number(),
      gap_ms: z.number(),
      returned: z.nullable(z.string()).meta({ description: "why the version before took over again" }),
    })),
  refuses: { 501: "this loader cannot do it" },
  handle: ({ target }) => target.takenOver ? target.takenOver() : unknown(),
});
