/** The configuration's JSON Schema, and looking things up in it: for editors, the reference and error messages. */
import * as z from "zod";
import { configSchema } from "./schema.ts";
import type { Path } from "../model/written.ts";

/** The part of JSON Schema that the configuration uses. */
export interface JsonSchema {
  $schema?: string;
  $id?: string;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  title?: string;
  description?: string;
  default?: unknown;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  minItems?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
}

/** The JSON Schema (draft 2020-12) of what may be written in a configuration file. */
export function configJsonSchema(): JsonSchema {
  const { $schema = "", ...schema } = z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;
  return {
    $schema,
    title: "alexa-loader configuration",
    description: "How a local voice assistant's services are started, watched and stopped.",
    ...schema,
  };
}

/** All schemas that may describe the value at `path`, given the data on the way there; empty if there are none. */
export function schemasAt(root: JsonSchema, path: Path, data: unknown): JsonSchema[] {
  let schemas = alternatives(root, root, data);
  let value = data;
  for (const part of path) {
    value = typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)[part]
      : undefined;
    schemas = schemas.flatMap((schema) => {
      const next = typeof part === "number"
        ? schema.items
        : (schema.properties && Object.hasOwn(schema.properties, part)
          ? schema.properties[part]
          : schema.additionalProperties);
      return typeof next === "object" ? [next] : [];
    });
    if (schemas.length === 0) return [];
    const here = value;
    schemas = narrow(schemas.flatMap((schema) => flat(root, schema)), here);
  }
  return schemas;
}

/** A schema's alternatives, references followed, narrowed to those which the value seems to aim at. */
export function alternatives(root: JsonSchema, schema: JsonSchema, value: unknown): JsonSchema[] {
  return narrow(flat(root, schema), value);
}

/** A schema's alternatives, references followed. */
export function flat(root: JsonSchema, schema: JsonSchema): JsonSchema[] {
  if (schema.$ref) {
    const target = root.$defs?.[schema.$ref.replace("#/$defs/", "")];
    return target ? flat(root, target) : [];
  }
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.flatMap((option) => flat(root, option));
  return Array.isArray(schema.type) ? schema.type.map((type) => ({ ...schema, type })) : [schema];
}

function narrow(schemas: JsonSchema[], value: unknown): JsonSchema[] {
  if (schemas.length < 2) return schemas;
  const sameKind = schemas.filter((schema) => kindOf(schema) === kindOfValue(value));
  if (kindOfValue(value) !== "object") return sameKind.length > 0 ? sameKind : schemas;
  const chosen = sameKind.filter((schema) => {
    const [name, choice] = discriminator(schema);
    return name !== null && ((value as Record<string, unknown>)[name] ?? choice?.default) === choice?.const;
  });
  return chosen.length > 0 ? chosen : sameKind.length > 0 ? sameKind : schemas;
}

/** The key whose constant tells this mapping from its alternatives: `type` of a probe, `kind` of a warm-up. */
export function discriminator(schema: JsonSchema): [name: string, schema: JsonSchema] | [null, null] {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.const !== undefined) return [name, property];
  }
  return [null, null];
}

function kindOf(schema: JsonSchema): string {
  if (schema.type === "object" || schema.type === "array") return schema.type;
  return "scalar";
}

function kindOfValue(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "object" && value !== null ? "object" : "scalar";
}

/** What a schema accepts, in words: "a whole number 1..65535", `"stop" or "keep"`. */
export function typeText(root: JsonSchema, schema: JsonSchema): string {
  const parts = flat(root, schema).map((option) => oneTypeText(root, option));
  return [...new Set(parts)].join(" or ");
}

function oneTypeText(root: JsonSchema, schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  switch (schema.type) {
    case "boolean":
      return "true or false";
    case "integer":
      return `a whole number${boundsText(schema)}`;
    case "number":
      return `a number${boundsText(schema)}`;
    case "string":
      return "a text";
    case "array":
      return `a list of ${schema.items ? pluralText(root, schema.items) : "values"}`;
    case "object":
      return "a mapping";
    default:
      return "any value";
  }
}

function pluralText(root: JsonSchema, schema: JsonSchema): string {
  return typeText(root, schema).replaceAll(/\ba (whole number|number|text|mapping|list)\b/g, "$1s");
}

function boundsText(schema: JsonSchema): string {
  return schema.minimum === undefined || schema.maximum === undefined
    ? ""
    : ` ${schema.minimum}..${schema.maximum}`;
}
