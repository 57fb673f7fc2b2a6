/** The boots of this instance, from its history on disk. */
import { LoaderError } from "../../errors.ts";
import { findBoot } from "../../metrics/find.ts";
import { failure, notOffered, route } from "../route.ts";

const unknown = () => notOffered("this loader keeps no history");

export const boots = route({
  method: "GET",
  path: "/v1/boots",
  summary: "The last boots, oldest first: figures, spans, GPU memory",
  query: (z) => z.object({ last: z.whole(1, 200).default(20) }),
  answer: (z, { boot }) => z.array(boot),
  refuses: { 501: "this loader keeps no history" },
  handle: ({ target, query }) => target.boots ? [...target.boots(query.last)] : unknown(),
});

export const oneBoot = route({
  method: "GET",
  path: "/v1/boots/{id}",
  summary: "One boot: the beginning of its id, `last`, or -2 for the one before the last",
  answer: (_, { boot }) => boot,
  refuses: { 404: "there is no such boot", 501: "this loader keeps no history" },
  handle({ target, name }) {
    if (!target.boots) return unknown();
    const found = findBoot(target.boots(200), name);
    if (found instanceof LoaderError) return failure(404, "unknown_boot", found.message, found.hint);
    return found.record;
  },
});
