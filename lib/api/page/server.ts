/**
 * The page of a running loader, and the API beside it, over TCP: for people at a browser. Spec: §12.
 *
 * Whoever reaches the port may be a website that the person visits (its Host, its Origin and a header that no form sends
 * tell on it) or another machine (which needs the token).
 */
import type { LogLevel } from "../../log/mod.ts";
import type { DashboardPlan } from "../../model/plan.ts";
import type { Clock } from "../../sys/clock.ts";
import { isSameSecret } from "../../sys/host.ts";
import { bindTcp, HttpServer } from "../../sys/net/http_server.ts";
import { Answers } from "../answers.ts";
import { failure } from "../route.ts";
import type { ControlTarget } from "../types.ts";
import app from "./app.js" with { type: "text" };
import index from "./index.html" with { type: "text" };
import preact from "htm/preact/standalone" with { type: "text" };
import style from "./style.css" with { type: "text" };

export interface PageOptions extends DashboardPlan {
  /** Whoever asks must know it; null: nobody is asked for it. */
  token: string | null;
  /** Told of what is to be done, of faults, and once of each kind of refusal. */
  log: (level: LogLevel, message: string) => void;
  clock: Clock;
}

const files: Record<string, [type: string, text: string]> = {
  "/": ["text/html", index],
  "/page/app.js": ["text/javascript", app.replace("htm/preact/standalone", "./preact.js")],
  "/page/preact.js": ["text/javascript", preact],
  "/page/style.css": ["text/css", style],
};
const safe = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Serves until it is disposed of. @throws when the port cannot be bound. */
export function servePage(target: ControlTarget, options: PageOptions): AsyncDisposable & { port: number } {
  const { log, clock, prefix } = options;
  const answers = new Answers(target, log);
  const socket = bindTcp(options.host, options.port);
  const server = new HttpServer(socket, {
    clock,
    handler: async (request) => withHeaders(await answerTo(request)),
    refuse: (refusal) => withHeaders(answers.refuse(refusal)),
    onTardy: (why) => answers.tell("tardy", why),
    onError: (error) => answers.fault(error),
  });
  async function answerTo(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (!url.pathname.startsWith(`${prefix}/`)) {
      return failure(404, "unknown_route", `everything here is below ${prefix}/`);
    }
    url.pathname = url.pathname.slice(prefix.length);
    const no = whyNot(request, url.pathname, options);
    if (no) {
      answers.tell(no.code, no.message);
      return failure(no.status, no.code, no.message);
    }
    const file = Object.hasOwn(files, url.pathname) && request.method === "GET" ? files[url.pathname] : null;
    if (!file) return await answers.answer(new Request(url, request));
    return new Response(file[1], { headers: { "content-type": `${file[0]}; charset=utf-8` } });
  }
  return { port: socket.port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function withHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(safe)) response.headers.set(name, value);
  return response;
}

/** What is wrong with who asks; null: nothing. */
function whyNot(
  { headers, method }: Request,
  path: string,
  { host, hosts, token }: PageOptions,
): { status: number; code: string; message: string } | null {
  const named = hostOf(headers.get("host") ?? "");
  // A name that an attacker points at this machine is none of ours; an address was typed by a person.
  const known = [host, "localhost", ...hosts].includes(named) || isAddress(named);
  if (!known) {
    const quoted = JSON.stringify(named.slice(0, 100));
    return { status: 403, code: "wrong_host", message: `the page is not called ${quoted} (dashboard.hosts)` };
  }
  const origin = headers.get("origin");
  if (origin !== null && hostOf(origin.replace(/^https?:\/\//, "")) !== named) {
    return { status: 403, code: "wrong_origin", message: "a page of another site may not ask" };
  }
  if (!path.startsWith("/v1/")) return null;
  if (token !== null && !isSameSecret(headers.get("authorization") ?? "", `Bearer ${token}`)) {
    return { status: 401, code: "no_token", message: "the token is missing or wrong" };
  }
  // No form and no picture of another site can send this header.
  if (method !== "GET" && headers.get("x-alexa-loader") === null) {
    return {
      status: 403,
      code: "no_header",
      message: "who wants something done sends the header x-alexa-loader",
    };
  }
  return null;
}

/** Without its port and brackets. */
const hostOf = (authority: string) =>
  authority.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1").toLowerCase();
const isAddress = (host: string) => /^\d+(\.\d+){3}$/.test(host) || host.includes(":");
