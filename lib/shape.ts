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

/** Gives the value as a T, with nothing in it that T does not name, or throws {@link Unfit}. */
export type Reader<T> = (value: unknown) => T;

export class Unfit extends Error {}

export function unfit(what: string): never {
  throw new Unfit(what);
}

export const text: Reader<string> = (value) => typeof value === "string" ? value : unfit("text");
export const flag: Reader<boolean> = (value) => typeof value === "boolean" ? value : unfit("flag");
export const figure: Reader<number> = (value) => Number.isFinite(value) ? value as number : unfit("figure");
export const orNull = <T>(read: Reader<T>): Reader<T | null> => (value) =>
  value === null ? null : read(value);

export function listOf<T>(item: Reader<T>, max = Infinity): Reader<T[]> {
  return (value) => Array.isArray(value) && value.length <= max ? value.map(item) : unfit("list");
}

/** An object whose values are all of one kind. */
export const mapOf = <T>(item: Reader<T>): Reader<Record<string, T>> => (value) =>
  isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, v]) => [key, item(v)]))
    : unfit("object");

/** One reader per field: a field that is new in T is missing here, and does not compile. */
export function shaped<T>(fields: { [K in keyof Required<T>]: Reader<T[K]> }): Reader<T> {
  const readers = Object.entries<Reader<unknown>>(fields);
  return (value) => {
    if (!isRecord(value)) return unfit("object");
    return Object.fromEntries(readers.map(([key, read]) => [key, read(value[key])])) as T;
  };
}

/** What `read` makes of the value; undefined when it does not fit. */
export function tryRead<T>(read: Reader<T>, value: unknown): T | undefined {
  try {
    return read(value);
  } catch (error) {
    if (error instanceof Unfit) return undefined;
    throw error;
  }
}

/** A whole number that is not negative. */
export const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;
