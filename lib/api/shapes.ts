/**
 * What an answer must look like before it is believed: the loader that runs may be of another version than the program
 * that asks. Fields that are not known here are left alone.
 */
import type { LoaderStatus, ServiceStatus } from "../model/status.ts";
import type { RestartOutcome } from "./types.ts";

type Check = (value: unknown) => boolean;
/** One check per field: a field that is new in the type is missing here, and does not compile. */
type Shape<T> = { [K in keyof Required<T>]: Check };

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const figure: Check = (value) => typeof value === "number" && Number.isFinite(value);
const orNull = (check: Check): Check => (value) => value === null || check(value);
const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const mapOf = (check: Check): Check => (value) => isRecord(value) && Object.values(value).every(check);
const shaped = <T>(shape: Shape<T>): Check => (value) =>
  isRecord(value) && Object.entries<Check>(shape).every(([key, check]) => check(value[key]));

const service = shaped<ServiceStatus>({
  name: text,
  role: text,
  state: text,
  desired: text,
  pid: orNull(figure),
  port: orNull(figure),
  up_sec: orNull(figure),
  ready_ms: orNull(figure),
  restarts: figure,
  problem: orNull(text),
  says: orNull(text),
  adopted: flag,
  vram_mib: orNull(figure),
  on_cpu: flag,
});

const status = shaped<LoaderStatus>({
  state: text,
  doing: orNull(text),
  boot: text,
  version: text,
  pid: figure,
  instance: text,
  config: text,
  log_dir: text,
  up_sec: figure,
  total_boot_ms: orNull(figure),
  capabilities: mapOf((works) => flag(works) || works === "unproved"),
  degraded: orNull(text),
  greeting: text,
  listening: orNull(flag),
  services: listOf(service),
  gpu: orNull(shaped<NonNullable<LoaderStatus["gpu"]>>({
    description: text,
    used_mib: orNull(figure),
    total_mib: orNull(figure),
  })),
});

const outcome = shaped<RestartOutcome>({ ok: flag, state: text, problem: orNull(text) });

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const isLoaderStatus = (value: unknown): value is LoaderStatus => status(value);
export const isRestartOutcome = (value: unknown): value is RestartOutcome => outcome(value);
