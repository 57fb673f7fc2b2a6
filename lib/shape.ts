/** What a value of unknown origin is: JSON of a service, of a file, of another version of this program. */

export type Json = Record<string, unknown>;

/** An object or a list. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

export function isRecord(value: unknown): value is Json {
  return isObject(value) && !Array.isArray(value);
}

/** The value if it is an object, else an empty one. */
export const recordOf = (value: unknown): Json => isRecord(value) ? value : {};

/** Undefined for what is no JSON, or nested deeper than the parser's stack. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
