/** One service is to be another way. */
import { nearest } from "../../did_you_mean.ts";
import { LoaderError } from "../../errors.ts";
import { type Asked, notOffered, quoted, route } from "../route.ts";
import type { Outcome } from "../types.ts";

const refuses = {
  404: "there is no such service",
  409: "not now: the loader is being stopped",
  501: "not offered",
};

export const restart = route({
  method: "POST",
  path: "/v1/services/{name}/restart",
  summary: "Replace a service by a fresh copy; answers when it is up, or was given up",
  answer: (_, { outcome }) => outcome,
  lasts: true,
  refuses,
  handle: (asked) => become(asked, "Restart", asked.target.restart),
});

export const start = route({
  method: "POST",
  path: "/v1/services/{name}/start",
  summary: "Start a service that is stopped or was given up; answers when it is up, or was given up again",
  answer: (_, { outcome }) => outcome,
  lasts: true,
  refuses,
  handle: (asked) => become(asked, "Start", asked.target.startService),
});

export const stopOne = route({
  method: "POST",
  path: "/v1/services/{name}/stop",
  summary: "Stop one service until it is started again; the others go on, and do not miss it",
  answer: (_, { outcome }) => outcome,
  lasts: true,
  refuses,
  handle: (asked) => become(asked, "Stop", asked.target.stopService),
});

/** Asks for it, waits, and tells how the service is then. */
async function become(
  { target, name, log }: Asked<unknown>,
  what: string,
  perform: ((service: string) => Promise<boolean>) | undefined,
): Promise<Outcome | Response> {
  if (!perform) return notOffered(`this loader has no ${what.toLowerCase()} of one service`);
  const names = target.status().services.map((service) => service.name);
  if (!names.includes(name)) throw unknownService(name, names);
  log(`${what} of ${name} requested on the control socket`);
  const ok = await perform.call(target, name);
  const after = target.status().services.find((service) => service.name === name);
  return { ok, state: after?.state ?? "idle", problem: after?.problem ?? null };
}

export function unknownService(name: string, names: string[]): LoaderError {
  const near = nearest(name, names);
  const hint = near === null ? `Services: ${names.join(", ")}.` : `Did you mean ${near}?`;
  return new LoaderError("unknown_service", `there is no service ${quoted(name)}`, { hint });
}
