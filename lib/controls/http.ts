/** The control verbs: JSON over HTTP on the service's own port. CONTRACT §5. */
import { parseJson, recordOf } from "../shape.ts";
import { HttpError, httpRequest } from "../sys/net/http.ts";
import { type AskOptions, type ControlAnswer, isLost, quoted } from "./answers.ts";
import { type Ask, controlKind, needed } from "./kind.ts";

const largestAnswer = 64 << 10;
const notOffered = new Set([404, 405, 501]);

export const http = controlKind({
  kind: "http",
  schema: ({ z, text }) =>
    z.strictObject({
      kind: z.literal("http").describe("The control verbs over HTTP"),
      url: text().optional().describe("Origin of the verbs; that of the readiness URL when left out"),
    }),
  rules({ url }, service, found) {
    if (url === undefined) needed("url", ["http"], service, found);
  },
  plan: ({ url }, { origin }) => ({ kind: "http", url: url === undefined ? origin! : new URL(url).origin }),
  describe: ({ url }) => `http ${url}/control/…`,
  offers: () => true,
  async speak({ url }, { text, tag, finishedUrl }, ask) {
    const answer = await postVerb(url, "speak", { text, tag, play: true, finished_url: finishedUrl }, ask);
    if (answer.state !== "ok") return answer;
    if (answer.status === 202) return { state: "accepted" };
    if (answer.body.finished === false) {
      return { state: "failed", detail: "/control/speak answered finished: false" };
    }
    const ms = answer.body.spoken_ms;
    return { state: "finished", spokenMs: typeof ms === "number" && Number.isFinite(ms) ? ms : null };
  },
  mute: ({ url }, verb, reason, ask) => postVerb(url, verb, { reason }, ask),
  systemReady: ({ url }, body, ask) => postVerb(url, "system_ready", body, ask),
});

/** `POST /control/<verb>`. Never rejects, except with the signal's reason. */
async function postVerb(
  origin: string,
  verb: string,
  body: Record<string, unknown>,
  { signal, timeoutMs, link }: AskOptions & Pick<Ask, "link">,
): Promise<ControlAnswer> {
  try {
    const answer = await httpRequest(new URL(`/control/${verb}`, origin).href, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      maxBytes: largestAnswer,
      drain: true,
      signal,
      timeoutMs,
      link,
    });
    if (notOffered.has(answer.status)) {
      return { state: "not_offered", detail: `/control/${verb} answered ${answer.status}` };
    }
    if (answer.status !== 200 && answer.status !== 202) {
      return { state: "failed", detail: `/control/${verb} answered ${answer.status}${quoted(answer.text)}` };
    }
    return { state: "ok", status: answer.status, body: recordOf(parseJson(answer.text)) }; // the status alone counts where it is no object
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const failed = { state: "failed", detail: `/control/${verb}: ${error.message}` } as const;
    return isLost(error) ? { ...failed, lost: true } : failed;
  }
}
