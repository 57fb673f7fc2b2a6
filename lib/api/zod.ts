/** zod, for the routes' schemas. Imported only when a schema is needed first: no boot waits for it. */
import * as zod from "zod";

// A request or two are checked: compiling a schema to code takes longer than that.
zod.config({ jitless: true });

/** What a schema of the API may use. Only that gets into the built file. */
export const z = {
  array: zod.array,
  boolean: zod.boolean,
  enum: zod.enum,
  int: zod.int,
  literal: zod.literal,
  looseObject: zod.looseObject,
  nullable: zod.nullable,
  number: zod.number,
  object: zod.object,
  record: zod.record,
  string: zod.string,
  toJSONSchema: zod.toJSONSchema,
  union: zod.union,
  unknown: zod.unknown,
  /** A whole number in a query. */
  whole: (min: number, max: number) =>
    zod.preprocess(
      (text) => /^\d{1,15}$/.test(String(text)) ? Number(text) : text,
      zod.int().min(min).max(max),
    ),
};
export type Zod = typeof z;
