/** The end of the loader. */
import { route } from "../route.ts";

export const stop = route({
  method: "POST",
  path: "/v1/stop",
  summary: "Stop everything in order; answers when that was begun",
  answer: (z) => z.looseObject({ stopping: z.boolean() }),
  status: 202,
  handle({ target }) {
    target.stop("requested on the control socket");
    return { stopping: true };
  },
});
