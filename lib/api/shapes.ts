/**
 * What an answer must look like before it is believed: the loader that runs may be of another version than the program
 * that asks. Fields that are not known here are left alone.
 */
import type { LoaderStatus, ServiceStatus } from "../model/status.ts";
import {
  figure,
  flag,
  isRecord,
  listOf,
  orNull,
  type Reader,
  shaped,
  text,
  tryRead,
  unfit,
} from "../shape.ts";
import type { RestartOutcome } from "./types.ts";

/** Another version may know other words. */
const word = text as Reader<never>;

const service = shaped<ServiceStatus>({
  name: text,
  role: word,
  state: word,
  desired: word,
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
  state: word,
  doing: orNull(text),
  boot: text,
  version: text,
  pid: figure,
  instance: text,
  config: text,
  log_dir: text,
  up_sec: figure,
  total_boot_ms: orNull(figure),
  capabilities: (value) =>
    isRecord(value) &&
      Object.values(value).every((works) => typeof works === "boolean" || works === "unproved")
      ? value as LoaderStatus["capabilities"]
      : unfit("capabilities"),
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

export const isLoaderStatus = (value: unknown): value is LoaderStatus => tryRead(status, value) !== undefined;
export const isRestartOutcome = (value: unknown): value is RestartOutcome =>
  tryRead(outcome, value) !== undefined;
