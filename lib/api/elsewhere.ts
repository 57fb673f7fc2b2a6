/** Asks the loaders of other machines how their part is. What they say is believed only in the form that is ours. Spec: §12. */
import { reasonOf } from "../errors.ts";
import type { Elsewhere } from "../model/elsewhere.ts";
import type { ServicePlan } from "../model/plan.ts";
import { parseJson } from "../shape.ts";
import type { Clock } from "../sys/clock.ts";
import { httpRequest } from "../sys/net/http.ts";
import type { Route } from "./route.ts";
import { explain } from "./routes/explain.ts";
import { status } from "./routes/status.ts";
import { shapesOf } from "./shapes.ts";

const patienceMs = 2500, maxBytes = 1 << 20;

/** Each of them once, whoever of ours it runs. Rejects only with the signal's reason. */
export async function askElsewhere(
  services: readonly ServicePlan[],
  o: { clock: Clock; signal: AbortSignal },
): Promise<Elsewhere[]> {
  const boxes = Map.groupBy(services.filter(({ elsewhere }) => elsewhere), ({ elsewhere }) => elsewhere!.url);
  return await Promise.all([...boxes].map(async ([url, ours]) => {
    const found: Elsewhere = {
      url,
      services: ours.map(({ name }) => name),
      status: null,
      explanation: null,
      problem: null,
    };
    const { link } = ours[0]!.elsewhere!;
    const ask = async <Answer>(route: Route<unknown, Answer>): Promise<Answer> => {
      const answer = await httpRequest(url + route.path, { ...o, link, timeoutMs: patienceMs, maxBytes });
      const { z } = await import("./zod.ts");
      const read = route.answer(z, shapesOf(z)).safeParse(parseJson(answer.text));
      if (answer.status === 200 && read.success) return read.data;
      throw new Error(
        answer.status === 200 ? "what answers there is no loader" : `it answers ${answer.status}`,
      );
    };
    try {
      [found.status, found.explanation] = await Promise.all([ask(status), ask(explain)]);
    } catch (error) {
      o.signal.throwIfAborted();
      found.problem = reasonOf(error);
    }
    return found;
  }));
}
