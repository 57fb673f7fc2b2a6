/**
 * Where TTS tells that the greeting has ended, when it answered 202: a loopback listener that exists only during the
 * greeting, at a URL with a token of this boot. CONTRACT §5, §6.
 */
import { reasonOf } from "../errors.ts";
import { BoundedBody } from "../sys/net/http_common.ts";
import { serveHttp } from "../sys/net/server.ts";

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
  const end = new AbortController();
  const first = Promise.withResolvers<Finished>();
  let told = false, over = false;
  const server = serveHttp(0, async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method !== "POST" || pathname !== `/finished/${token}`) {
      await request.body?.cancel();
      onIgnored("finish event at a wrong address (an older boot's?)");
      return new Response(null, { status: 404 });
    }
    const event = await readEvent(request);
    if (event === null) return new Response(null, { status: 400 });
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
  }, end.signal);
  server.failed.then((error) =>
    first.resolve({ ok: false, spokenMs: null, detail: `its end cannot be heard (${reasonOf(error)})` })
  );
  return {
    url: `http://127.0.0.1:${server.port}/finished/${token}`,
    finished: first.promise,
    over: () => void (over = true),
    async [Symbol.asyncDispose]() {
      end.abort();
      await server.finished;
    },
  };
}

/** At most 4 KiB is read, whatever the sender says of its length. */
async function readEvent(request: Request): Promise<Record<string, unknown> | null> {
  const body = new BoundedBody({ maxBytes: largestEvent });
  for await (const chunk of request.body ?? []) {
    body.add(chunk);
    if (body.full) return null; // leaving the loop cancels the rest
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body.answer(0).kept));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : null;
  } catch {
    return null;
  }
}
