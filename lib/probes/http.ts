/** Ready when an HTTP GET answers with the expected status, and with the expected JSON if any is configured. Spec: §6. */
import { isRecord } from "../shape.ts";
import { httpRequest } from "../sys/net/http.ts";
import { checkUrl } from "../address.ts";
import { elsewhere, owner, probeKind, urlPort } from "./kind.ts";
import { attempt, ready, waiting, wrong } from "./results.ts";
import type { ProbeResult } from "./types.ts";

const maxJsonBytes = 256 * 1024;

/** Statuses that servers use while they load or are overrun, besides all of 5xx. */
const passing = new Set([408, 425, 429]);

export const http = probeKind({
  type: "http",
  schema: (shapes) => {
    const { z, text } = shapes;
    return z.strictObject({
      type: z.literal("http").describe("Ready when a GET answers with the expected status"),
      url: text().describe("Address to ask, http or https"),
      expect_code: z.int().min(100).max(599).default(200).describe(
        "Status that means ready; 503 means loading",
      ),
      expect_json: z.record(z.string(), z.unknown()).optional().describe(
        "Fields which the JSON answer must have, with these values",
      ),
      owner: owner(shapes, elsewhere),
    });
  },
  portOf: urlPort,
  rules: ({ path, raw }, _context, found) => checkUrl(raw.url, [...path, "url"], found),
  plan: ({ url, expect_code, expect_json }) => ({
    url,
    expectCode: expect_code,
    expectJson: expect_json ?? null,
  }),
  describe: (spec) => `${briefly(spec)}${spec.expectJson ? ` ${JSON.stringify(spec.expectJson)}` : ""}`,
  brief: (spec) => briefly(spec),
  create: (spec, _target, { clock, link }) => ({
    check: (options) =>
      attempt(clock, options, async (signal) => {
        const answer = await httpRequest(spec.url, {
          signal,
          timeoutMs: options.timeoutMs,
          maxBytes: spec.expectJson ? maxJsonBytes : 0,
          clock,
          link,
        });
        if (answer.status !== spec.expectCode) return otherStatus(answer.status, spec);
        return spec.expectJson
          ? compare(answer.status, answer.text, spec.expectJson)
          : ready(String(answer.status));
      }),
  }),
});

function briefly({ url, expectCode }: { url: string; expectCode: number }): string {
  return `http ${url} = ${expectCode}`;
}

function otherStatus(status: number, { url, expectCode }: { url: string; expectCode: number }): ProbeResult {
  if (status === 503) return waiting("503, loading");
  const why = status === 401
    ? ": it wants a token (token_file or token_env)"
    : status === 400 && url.startsWith("http:")
    ? "; a port that speaks TLS may answer so: then write https"
    : "";
  const detail = `${status}, expected ${expectCode}${why}`;
  return status >= 500 || passing.has(status) ? waiting(detail) : wrong(detail);
}

function compare(status: number, text: string, expected: Record<string, unknown>): ProbeResult {
  let actual: unknown;
  try {
    actual = JSON.parse(text);
  } catch {
    return wrong(`${status}, but the body is not JSON`);
  }
  const difference = firstDifference(expected, actual, "");
  return difference === null ? ready(String(status)) : waiting(`${status}, but ${difference}`);
}

/** Where `actual` lacks something of `expected`, in words; null if it has it all. Arrays and scalars must be equal. */
export function firstDifference(expected: unknown, actual: unknown, path: string): string | null {
  if (isRecord(expected)) {
    if (!isRecord(actual)) return `${path || "the body"} is ${shown(actual)}, expected an object`;
    for (const [key, value] of Object.entries(expected)) {
      const inner = path ? `${path}.${key}` : key;
      if (!Object.hasOwn(actual, key)) return `${inner} is missing`;
      const difference = firstDifference(value, actual[key], inner);
      if (difference !== null) return difference;
    }
    return null;
  }
  return equal(expected, actual)
    ? null
    : `${path || "the body"} is ${shown(actual)}, expected ${shown(expected)}`;
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  }
  if (isRecord(a) && isRecord(b)) {
    return Object.keys(a).length === Object.keys(b).length &&
      Object.entries(a).every(([key, value]) => Object.hasOwn(b, key) && equal(value, b[key]));
  }
  return a === b;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
