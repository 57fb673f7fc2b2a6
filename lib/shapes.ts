/**
 * The small shapes that the keys of the configuration are made of. zod is handed in by `config/schema.ts`: a boot whose
 * configuration was read before never loads it. Spec: §3.
 */
import type * as zod from "zod";

/** What a kind may use of it. Only that gets into the built file: all of zod is 350 kB more. */
export type Zod = Pick<
  typeof zod,
  | "array"
  | "boolean"
  | "enum"
  | "int"
  | "literal"
  | "number"
  | "record"
  | "strictObject"
  | "string"
  | "unknown"
>;
export type Shapes = ReturnType<typeof shapesOf>;

export function shapesOf(z: Zod) {
  return {
    z,
    second: (max = 86_400) => z.number().min(0).max(max),
    positiveSecond: (max = 86_400) => z.number().min(0.05).max(max),
    millisecond: (max = 3_600_000) => z.number().min(0).max(max),
    text: (max = 4096) => z.string().min(1).max(max),
    port: () => z.int().min(1).max(65_535),
    argv: () => z.array(z.string().max(65_536)).min(1).max(1024),
  };
}
