/** What has happened and happens, as server-sent events. */
import { whenAborted } from "../../async.ts";
import type { Clock } from "../../sys/clock.ts";
import type { Event, EventRing } from "../event_ring.ts";
import { notOffered, route, streamOf, wholeOf } from "../route.ts";

/** So often somebody who reads is told that nothing happens, ms. */
const heartbeatMs = 15_000;

export const events = route({
  method: "GET",
  path: "/v1/events",
  summary: "What has happened in this boot, and what happens: server-sent events, each a fact",
  description:
    "`id` is that of the event; with it as `Last-Event-ID` (or `after`) a client goes on where it was. The last " +
    "1,000 are kept. A line that begins with a colon says every 15 s that nothing happens. It ends when the client ends its side. Who does not read for 5 s is cut off.",
  query: (z) =>
    z.object({
      follow: z.enum(["true", "false"]).default("true").meta({
        description: "false: only what has happened",
      }),
      after: z.string().max(100).optional().meta({ description: "as Last-Event-ID" }),
    }),
  answer: (z) => z.looseObject({ id: z.string(), event: z.string(), data: z.string() }), // of each event
  type: "text/event-stream",
  lasts: true,
  refuses: { 501: "this loader keeps no events" },
  handle({ target, query, headers, signal }) {
    const { events, clock } = target;
    if (!events || !clock) return notOffered("this loader keeps no events");
    const after = headers.get("last-event-id") ?? query.after ?? null;
    const follow = query.follow === "true";
    const parts = told(events, clock, after, follow, signal);
    return follow ? streamOf("text/event-stream", parts) : wholeOf("text/event-stream", parts);
  },
});

async function* told(
  ring: EventRing,
  clock: Clock,
  after: string | null,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield ": alexa-loader\n\n"; // a proxy passes the head on with it
  const gone = whenAborted(signal);
  for (let last = after; !signal.aborted;) {
    const next = ring.next();
    const events = ring.after(last);
    if (events.length > 0) {
      yield events.map(text).join("");
      last = events.at(-1)!.id;
    } else if (!follow) return;
    else {
      const quiet = Promise.withResolvers<boolean>();
      using _beat = clock.after(heartbeatMs, () => quiet.resolve(true));
      if (await Promise.race([next, gone, quiet.promise]) === true) yield ":\n\n";
    }
    if (!follow) return;
  }
}

const text = ({ id, at, fact }: Event): string =>
  `id: ${id}\nevent: ${fact.fact}\ndata: ${JSON.stringify({ at, ...fact })}\n\n`;
