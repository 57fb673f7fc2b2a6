/** Stand-in for the speech service: it takes as long as speaking would. Spec: §10; CONTRACT §5. */
import { reasonOf } from "../errors.ts";
import { httpRequest } from "../sys/net/http.ts";
import type { Listening } from "../sys/net/server.ts";
import { isLoopback } from "../sys/net/tcp.ts";
import type { Json } from "../shape.ts";
import { answer, serveVerbs, type Surroundings } from "./stand_in.ts";

/** An unhurried voice; the default greeting of 26 characters then lasts 0.9 s. */
const MS_PER_CHARACTER = 35;
const SHORTEST_MS = 200;
const SYNTHESIS_MS = 40;
const CALLBACK_TIMEOUT_MS = 2000;
/** The longest that a timer can take, 24 days. */
const FOREVER_MS = 2 ** 31 - 1;
const MAX_QUEUED = 16;

/** Serves the verbs of a TTS. */
export function listen(around: Surroundings): Listening {
  const { clock, options, signal, say } = around;
  // There is one mouth: texts are spoken one after the other.
  let mouth: Promise<unknown> = Promise.resolve();
  let queued = 0;

  const play = (text: string): Promise<number> => {
    const turn = mouth.then(async () => {
      const begun = clock.now();
      say(`(silently) ${text.replaceAll(/\s+/g, " ")}`);
      await clock.sleep(options.speakMs ?? Math.max(SHORTEST_MS, text.length * MS_PER_CHARACTER), signal);
      return Math.round(clock.now() - begun);
    });
    queued++;
    mouth = turn.catch(() => {}).finally(() => queued--);
    return turn;
  };

  const synthesise = async (): Promise<number> => {
    const begun = clock.now();
    await clock.sleep(SYNTHESIS_MS, signal);
    return Math.round(clock.now() - begun);
  };

  const speak = async (body: Json) => {
    const { text, tag = null, play: aloud = true, finished_url: finishedUrl } = body;
    if (typeof text !== "string" || text === "") {
      return answer({ error: "text must be a text that is not empty" }, 400);
    }
    if (aloud === false) {
      await synthesise();
      return answer({ finished: true, spoken_ms: 0 });
    }
    if (queued >= MAX_QUEUED) return answer({ error: "too many texts are waiting" }, 429);
    if (options.speak === "error") return answer({ error: "this stand-in was told to fail" }, 500);
    if (options.speak === "hang") await clock.sleep(FOREVER_MS, signal);
    if (options.finish !== "callback") return answer({ finished: true, spoken_ms: await play(text) });
    if (!isLocal(finishedUrl)) return answer({ error: "finished_url must be http on this machine" }, 400);
    play(text)
      .then((spokenMs) => report(finishedUrl, { tag, ok: true, spoken_ms: spokenMs }))
      .catch((error) => signal.aborted || say(`Could not tell the end of the speech: ${reasonOf(error)}`));
    return answer({ accepted: true }, 202);
  };

  const report = async (url: string, event: Json) => {
    await httpRequest(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(event),
      signal,
      timeoutMs: CALLBACK_TIMEOUT_MS,
      maxBytes: 0,
    });
  };

  return serveVerbs(around, {
    "POST /control/speak": speak,
    "POST /control/warmup": async () => answer({ ms: await synthesise() }),
  });
}

/** The event is for the loader beside us: never let a request send us elsewhere. */
function isLocal(url: unknown): url is string {
  if (typeof url !== "string" || !URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && isLoopback(hostname);
}
