/** The OpenAPI 3.1 document, from the schemas that check the requests. Spec: §12. */
import type { ZodType } from "zod";
import { isRecord, type Json } from "../shape.ts";
import { version } from "../version.ts";
import { refusals, type Route } from "./route.ts";
import { shapesOf } from "./shapes.ts";
import { z } from "./zod.ts";

export function openApi(routes: readonly Route[]): Json {
  const shapes = shapesOf(z);
  const schemas: Json = {};
  const schemaOf = (schema: ZodType, io: "input" | "output"): Json => {
    const { $schema: _, $defs, ...rest } = z.toJSONSchema(schema, { io }) as Json;
    for (const [id, each] of Object.entries($defs ?? {})) schemas[id] = moved(each);
    const id = rest.id;
    if (typeof id !== "string") return moved(rest) as Json;
    schemas[id] = moved(rest);
    return { $ref: `#/components/schemas/${id}` };
  };
  const content = { "application/json": { schema: schemaOf(shapes.failure, "output") } };
  const refusal = ([status, description]: [string, string]) => [status, { description, content }];
  const operation = (route: Route): Json => ({
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    parameters: [...pathParameters(route), ...queryParameters(route.query?.(z), schemaOf)],
    responses: {
      [route.status ?? 200]: {
        description: "done",
        content: {
          [route.type ?? "application/json"]: { schema: schemaOf(route.answer(z, shapes), "output") },
        },
      },
      ...Object.fromEntries(
        Object.keys(refusals).map((status) => [status, { $ref: `#/components/responses/${status}` }]),
      ),
      ...Object.fromEntries(Object.entries(refusalsOf(route)).map(refusal)),
    },
  });
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "alexa-loader",
      version,
      description:
        "The running loader, on the unix socket `control.sock` of its runtime folder. Only its own user and root may ask. " +
        "Within a version of the API answers only ever gain fields.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "http://localhost", description: "curl --unix-socket …/control.sock" }],
    paths,
    components: { schemas, responses: Object.fromEntries(Object.entries(refusals).map(refusal)) },
  };
}

/** What only this route refuses, or also for another reason than the others do. */
const refusalsOf = ({ query, lasts, refuses }: Route): Record<string, string> => ({
  ...(query && { 400: "the request is malformed, or a parameter is not as it must be" }),
  ...(lasts && { 503: "too many connections, or too many who wait" }),
  ...refuses,
});

/** `post /v1/services/{name}/restart` -> `post_services_name_restart`. */
function operationId({ method, path }: Route): string {
  return `${method.toLowerCase()}${path.slice("/v1".length).replaceAll(/\W+/g, "_").replace(/_$/, "")}`;
}

function pathParameters({ path }: Route): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string", minLength: 1, maxLength: 200 },
  }));
}

function queryParameters(
  query: ZodType | undefined,
  schemaOf: (schema: ZodType, io: "input") => Json,
): Json[] {
  if (!query) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    ...(description !== undefined && { description }),
    schema,
  }));
}

/** Its definitions are the document's. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => {
      if (key === "$ref") return [[key, String(each).replace("#/$defs/", "#/components/schemas/")]];
      return key === "id" ? [] : [[key, moved(each)]];
    }),
  );
}
