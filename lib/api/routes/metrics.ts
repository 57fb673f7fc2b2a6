/** The figures, for Prometheus. */
import { notOffered, route } from "../route.ts";

export const metrics = route({
  method: "GET",
  path: "/v1/metrics",
  summary: "Figures in Prometheus' text format",
  type: "text/plain",
  answer: (z) => z.string(),
  refuses: { 501: "this loader keeps no figures" },
  handle: async ({ target }) => {
    if (!target.metrics) return notOffered("this loader keeps no figures");
    const { text, type } = await target.metrics();
    return new Response(text, { headers: { "content-type": type } });
  },
});
