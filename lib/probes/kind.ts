/**
 * What a kind of readiness is: one file with its keys, its rules, its part of the plan, its words and its question. A new
 * one is such a file, and a line in `kinds.ts`. Spec: §6; CONTRACT §2.
 */
import type * as z from "zod";
import { isLoopback, parseHttpUrl } from "../address.ts";
import type { Environment, ProbeView, RuleFindings, ServiceView } from "../model/written.ts";
import type { Shapes } from "../shapes.ts";
import type { ProbeDeps } from "./results.ts";
import type { Probe, ProbeTarget } from "./types.ts";

/** Whose listener may answer. */
export type Owner = "service" | "any";

/** Where a probe asks; `key` is the key that says so. */
export interface Port {
  host: string;
  port: number;
  key: string;
}

/** What its rules may look at. */
export interface RuleContext {
  service: ServiceView;
  env: Environment;
}

/** What of the service and of this machine its plan may look at. */
export interface ProbeContext {
  service: { model?: string | undefined; env: Readonly<Record<string, unknown>> };
  env: Environment;
  /** How long one run of a command may take; null: as long as for readiness. */
  execMs: number | null;
  /** A command with its program's path resolved. */
  argv(words: readonly string[]): string[];
}

/** `Schema`: its keys; `Own`: what it keeps in the plan beside its type. */
export interface ProbeKind<Schema extends z.ZodObject = z.ZodObject, Own = Record<string, unknown>> {
  readonly type: string;
  /** Its keys, their bounds, meanings and defaults. `owner` is asked about here, and planned for all kinds alike. */
  schema(shapes: Shapes): Schema;
  /** Where it asks, of a probe as written or as planned. Left out: it asks at no port. */
  portOf?(probe: Readonly<Record<string, unknown>>): Port | null;
  /** Whose listener it must be when nobody says; left out: the service's, if that is on this machine. */
  usualOwner?(host: string, besideOwnPort: boolean): Owner;
  /** What of the service's own process it hears, in a word: an external service never gives it. */
  readonly hears?: string;
  /** It says that the service became ready, not that it still is. */
  readonly once?: true;
  /** Environment variables that its rules look at. */
  readonly variables?: readonly string[];
  /** What must hold between its keys. */
  rules?(probe: ProbeView, context: RuleContext, found: RuleFindings): void;
  /** The last rule, for what is known only to something that is loaded for it. */
  lateRule?(probe: ProbeView, service: string): Promise<RuleFindings["errors"]>;
  plan(config: z.output<Schema>, context: ProbeContext): Own;
  /** The condition in words: "tcp 127.0.0.1:5001". */
  describe(spec: Own): string;
  /** The same where it stands before an answer; left out: as `describe`. */
  brief?(spec: Own): string;
  /** The question, bound to one start of one service. */
  create(spec: Own, target: ProbeTarget, deps: ProbeDeps): Pick<Probe, "check"> & Partial<Probe>;
}

/** Defines a kind; only so its plan's type follows from its keys', and its question's from its plan's. */
export function probeKind<Schema extends z.ZodObject, Own>(
  kind: ProbeKind<Schema, Own>,
): ProbeKind<Schema, Own> {
  return kind;
}

export function usualOwner(host: string): Owner {
  return isLoopback(host) ? "service" : "any";
}

// ——— what several kinds have in common ———

export const host = ({ text }: Shapes) => text(255).default("127.0.0.1").describe("Host name or address");

export const owner = ({ z }: Shapes, besides = "") =>
  z.enum(["service", "any"]).optional().describe(
    `Who may listen there: this service's own process tree, or anyone (containers). \`service\`, and \`any\` for an external service${besides}, when left out`,
  );
export const elsewhere = " or an address of another machine";

/** Of `host` and `port`. */
export function hostPort({ host, port }: Readonly<Record<string, unknown>>): Port | null {
  if (!Number.isInteger(port)) return null;
  return { host: typeof host === "string" ? host : "127.0.0.1", port: port as number, key: "port" };
}

/** Of `url`. */
export function urlPort(probe: Readonly<Record<string, unknown>>): Port | null {
  const url = typeof probe.url === "string" ? parseHttpUrl(probe.url) : null;
  if (url === null) return null;
  const usual = url.protocol === "https:" ? 443 : 80;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? usual : Number(url.port),
    key: "url",
  };
}
