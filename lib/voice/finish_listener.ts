/**
 * Where TTS tells that the greeting has ended, when it answered 202: a loopback listener that exists only during the
 * greeting, at a URL with a token of this boot. CONTRACT §5, §6.
 */
import { reasonOf } from "../errors.ts";
import { isObject, parseJson } from "../shape.ts";
import { bindLoopback, HttpServer } from "../sys/net/http_server.ts";

export interface Finished {
  ok: boolean;
  spokenMs: number | null;
  detail: string;
}

export interface FinishListener extends AsyncDisposable {
  readonly url: string;
  /** Resolves with the first finish event of the right tag, or as failed when none can be heard any more. */
  readonly finished: Promise<Finished>;
  /** The end is known, from here or from elsewhere: what comes now changes nothing and is told so. */
  over(): void;
}

const largestEvent = 4096;

/** `onIgnored` hears of events that change nothing: late, double, of another tag. */
export function listenForFinish(
  tag: string,
  token: string,
  onIgnored: (why: string) => void,
): FinishListener {
  const first = Promise.withResolvers<Finished>();
  let told = false, over = false;
  const answer = async (request: Request): Promise<Response> => {
    if (request.method !== "POST" || new URL(request.url).pathname !== `/finished/${token}`) {
      onIgnored("finish event at a wrong address (an older boot's?)");
      return new Response(null, { status: 404 });
    }
    const event = parseJson(await request.text());
    if (!isObject(event)) return new Response(null, { status: 400 });
    if (event.tag !== tag) {
      onIgnored(`finish event of tag ${JSON.stringify(String(event.tag).slice(0, 60))}`);
      return new Response(null, { status: 409 });
    }
    if (told) onIgnored("double finish event");
    else if (over) onIgnored("finish event after the greeting's end");
    told = true;
    const ms = event.spoken_ms;
    first.resolve({
      ok: event.ok !== false,
      spokenMs: typeof ms === "number" && Number.isFinite(ms) ? ms : null,
      detail: event.ok === false ? "TTS told that it could not speak" : "",
    });
    return Response.json({ ok: true });
  };
  const socket = bindLoopback(0);
  const server = new HttpServer(socket, {
    handler: answer,
    refuse: () => new Response(null, { status: 400 }),
    onDeaf: (error) => {
      first.resolve({ ok: false, spokenMs: null, detail: `its end cannot be heard (${reasonOf(error)})` });
      void server[Symbol.asyncDispose](); // nobody is to wait for an answer
    },
    maxBodyBytes: largestEvent,
    chunked: true,
  });
  return {
    url: `http://127.0.0.1:${socket.port}/finished/${token}`,
    finished: first.promise,
    over: () => void (over = true),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
