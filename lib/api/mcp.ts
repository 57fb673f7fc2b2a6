/**
 * The API as tools for an assistant's language model (Model Context Protocol): each route is one, so there is nothing to
 * keep in step. Pure but for what `ask` does. Spec: §12.
 *
 * JSON-RPC 2.0, one message a line. What only looks is offered always, what acts only when that was allowed.
 */
import { isRecord, type Json, parseJson } from "../shape.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { version } from "../version.ts";
import type { Question } from "./client.ts";
import type { Route } from "./route.ts";
import type { z as Z } from "./zod.ts";

/** Newest first; a client that wants another one is told the newest. */
const versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/** These are no tools: they last, or are about the API itself. */
const left = new Set(["/v1/openapi.json", "/v1/events"]);
/** More of an answer is no help to a model. */
const maxChars = 60_000;

export interface McpOptions {
  routes: readonly Route[];
  /** Also offer what acts. */
  actions: boolean;
  ask(route: Route, question: Question): Promise<unknown>;
  /** Where the schemas come from. */
  z: typeof Z;
}

interface Tool {
  name: string;
  route: Route;
  /** The path's `{…}`, if it has one. */
  parameter: string | null;
}

/** Answers one line; null where none is due. */
export type Mcp = (line: string) => Promise<string | null>;

export function mcp(options: McpOptions): Mcp {
  const tools = options.routes
    .filter(({ path, method }) => !left.has(path) && (options.actions || method === "GET"))
    .map(toolOf);
  return async (line) => {
    const message = parseJson(line);
    if (!isRecord(message)) return reply(null, { error: { code: -32700, message: "not a JSON object" } });
    const { id, method, params } = message;
    if (id === undefined || id === null) return null; // a notification, or an answer to nothing
    if (typeof method !== "string") {
      return reply(id, { error: { code: -32600, message: "the method is missing" } });
    }
    switch (method) {
      case "initialize":
        return reply(id, { result: initialized(params, options.actions) });
      case "ping":
        return reply(id, { result: {} });
      case "tools/list":
        return reply(id, { result: { tools: tools.map((tool) => described(tool, options.z)) } });
      case "tools/call":
        return reply(id, await called(tools, isRecord(params) ? params : {}, options));
      default:
        return reply(id, { error: { code: -32601, message: `there is no method ${method.slice(0, 100)}` } });
    }
  };
}

const reply = (id: unknown, outcome: Json): string => JSON.stringify({ jsonrpc: "2.0", id, ...outcome });

function initialized(params: unknown, actions: boolean): Json {
  const wanted = isRecord(params) ? params.protocolVersion : undefined;
  return {
    protocolVersion: versions.find((known) => known === wanted) ?? versions[0],
    capabilities: { tools: {} },
    serverInfo: { name: "alexa-loader", version },
    instructions:
      "Tells how a local voice assistant's services are. Begin with `status`: its `talk.text` says whether " +
      `one can talk, and why not. ${
        actions ? "Say what an action costs before you do it." : "Nothing here acts."
      }`,
  };
}

/** `/v1/boots/{id}` -> "boot"; `/v1/services/{name}/restart` -> "restart_service". */
function toolOf(route: Route): Tool {
  const parts = route.path.slice("/v1/".length).split("/");
  const parameter = /\{(\w+)\}/.exec(route.path)?.[1] ?? null;
  if (parameter === null) return { name: parts.join("_"), route, parameter };
  const one = parts[0]!.replace(/s$/, "");
  return { name: parts.length > 2 ? `${parts[2]}_${one}` : one, route, parameter };
}

function described({ name, route, parameter }: Tool, z: typeof Z): Json {
  const query = route.query
    ? z.toJSONSchema(route.query(z), { io: "input" }) as { properties?: Json; required?: string[] }
    : {};
  delete query.properties?.follow; // a tool's answer has an end
  return {
    name,
    description: [route.summary, route.description].filter(Boolean).join(". "),
    inputSchema: {
      type: "object",
      properties: {
        ...(parameter && { [parameter]: { type: "string", minLength: 1, maxLength: 200 } }),
        ...query.properties,
      },
      required: [...(parameter ? [parameter] : []), ...(query.required ?? [])],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: route.method === "GET", destructiveHint: route.method !== "GET" },
  };
}

async function called(tools: readonly Tool[], params: Json, { ask }: McpOptions): Promise<Json> {
  const tool = tools.find(({ name }) => name === params.name);
  if (!tool) return { error: { code: -32602, message: `there is no tool ${JSON.stringify(params.name)}` } };
  const given = isRecord(params.arguments) ? params.arguments : {};
  const { [tool.parameter ?? ""]: name, follow: _, ...query } = given;
  const text = (value: unknown): value is string | number =>
    ["string", "number", "boolean"].includes(typeof value);
  const wrong = tool.parameter !== null && typeof name !== "string"
    ? tool.parameter
    : Object.keys(query).find((key) => !text(query[key]));
  if (wrong !== undefined) return told(`${wrong} is missing, or no text or number`, true);
  try {
    const answer = await ask(tool.route, {
      name: String(name ?? ""),
      query: query as Record<string, string | number>,
    });
    return told(typeof answer === "string" ? answer : JSON.stringify(answer, null, 1), false);
  } catch (error) {
    const hint = error instanceof LoaderError && error.hint ? `; ${error.hint}` : "";
    return told(reasonOf(error) + hint, true);
  }
}

function told(text: string, isError: boolean): Json {
  const all = text.length > maxChars ? `${text.slice(0, maxChars)}\n… (cut)` : text;
  return { result: { content: [{ type: "text", text: all }], isError } };
}
