/** The bearer token of a link: read for each request, so that a new one counts at once, and never shown. Spec: §6; CONTRACT §1. */
import type { Link } from "../../model/plan.ts";
import { readSmallFile } from "../files/files.ts";
import { environment } from "../host.ts";
import { HttpError } from "./http_common.ts";

/** The token; undefined where the link has none. @throws HttpError `denied` where it should have one. */
export function tokenOf({ token }: Link): string | undefined {
  if (token === undefined) return undefined;
  const text = ("file" in token ? readSmallFile(token.file, 1 << 16) : environment()[token.env])?.trim();
  const where = tokenPlace(token);
  if (!text) throw new HttpError("denied", `there is no token in ${where}`);
  if (!/^[\x21-\x7e]{1,8192}$/.test(text)) {
    throw new HttpError("denied", `what ${where} holds is no token: one line without spaces`);
  }
  return text;
}

/** What it means that it was not taken. */
export function tokenRefused({ token }: Link, answer: string): HttpError {
  return new HttpError(
    "denied",
    `${answer}: it does not accept the token in ${
      tokenPlace(token!)
    }, or that may not do this; put the right one there`,
  );
}

/** What somebody said, without the token that he was given. */
export const withoutToken = (text: string, token: string): string => text.replaceAll(token, "[token]");

const tokenPlace = (token: NonNullable<Link["token"]>) =>
  "file" in token ? `${token.file} (token_file)` : `the variable ${token.env} (token_env)`;
