/**
 * What one version of the program hands over to the next one when it executes it in its place. A file in the private runtime
 * folder: what it says is checked, except for the states of the machines, which are this program's own words and stand
 * under the file's format.
 */
import { parseState, type PreviousState } from "../../clean_start/state_file.ts";
import type { BootPlan } from "../../model/plan.ts";
import type { KeptService } from "../../services/managed_service.ts";
import {
  flag,
  isRecord,
  listOf,
  mapOf,
  orNull,
  type Reader,
  shaped,
  text,
  tryRead,
  unfit,
} from "../../shape.ts";
import type { KeptGuardianKeeper } from "../../supervise/guardian_keeper.ts";
import type { KeptSupervisor } from "../../supervise/supervisor.ts";
import { sha256 } from "../../sys/files/digest.ts";
import { isOwnFile, readSmallFile } from "../../sys/files/files.ts";
import type { KeptClaim } from "../../sys/process/claim.ts";
import type { Image } from "../../sys/process/exec.ts";
import type { KeptWakeWord } from "../../voice/wake_word.ts";
import type { Boot } from "../boot_machine.ts";

/** Raised whenever what is handed over means something else: a version takes over only what it understands. */
const format = 1;

export interface HandedService {
  name: string;
  supervisor: KeptSupervisor;
  service: KeptService;
}

/** Descriptors that are only held. */
export interface HeldDescriptors {
  /** The instance's lock. */
  lock: number[];
  /** Boot and ports, claimed against other loaders. */
  claims: KeptClaim[];
  /** The control socket listens on it. */
  control: number[];
}

export interface Handover {
  format: number;
  /** Version of the program that hands over, and its file. */
  from: string;
  boot: string;
  /** The configuration's services as they were started, as one word. */
  configuration: string;
  /** The moment of handing over, by our own clock and by the kernel's monotonic one, ms. */
  now: number;
  kernelMs: number;
  startedAt: number;
  totalMs: number | null;
  knowsStrays: boolean;
  life: Boot;
  wakeWord: KeptWakeWord | null;
  guardian: KeptGuardianKeeper | null;
  services: HandedService[];
  held: HeldDescriptors;
  /** The state file's text. */
  state: string;
  /** What the demo runs on instead of 5001, 5002, …; else empty. */
  demoPorts: number[];
  /** Waits for the word that all is well, or for our death; `pipe`: our end. Null in a rehearsal. */
  watcher: { pid: number; pipe: number } | null;
  /** What runs now, and takes over again if the next one cannot. */
  previous: Image;
  /** The program's file that was replaced: the one before it lies beside it. */
  replaced: string | null;
  /** Why the one before takes over again. */
  returned: string | null;
}

const number: Reader<number> = (value) => Number.isFinite(value) ? value as number : unfit("number");
const fd: Reader<number> = (value) =>
  Number.isInteger(value) && (value as number) > 2 ? value as number : unfit("fd");
/** A machine's state, or what else is our own: see above. */
const own = <T>(): Reader<T> => (value) => isRecord(value) ? value as T : unfit("object");

const read = shaped<Handover>({
  format: (value) => value === format ? format : unfit("format"),
  from: text,
  boot: text,
  configuration: text,
  now: number,
  kernelMs: number,
  startedAt: number,
  totalMs: orNull(number),
  knowsStrays: flag,
  life: own(),
  wakeWord: orNull(own()),
  guardian: orNull(own()),
  services: listOf(shaped<HandedService>({ name: text, supervisor: own(), service: own() })),
  held: shaped<HeldDescriptors>({
    lock: listOf(fd),
    claims: listOf(shaped<KeptClaim>({ name: text, fd })),
    control: listOf(fd),
  }),
  state: text,
  demoPorts: listOf(number),
  watcher: orNull(shaped<NonNullable<Handover["watcher"]>>({ pid: number, pipe: fd })),
  previous: shaped<Image>({ argv: listOf(text), env: mapOf(text) }),
  replaced: orNull(text),
  returned: orNull(text),
});

const largest = 256 << 20;

/** What is handed over, or what is wrong with it, in words. */
export function readHandover(path: string): Handover | string {
  const found = isOwnFile(path) ? readSmallFile(path, largest) : null;
  if (found === null) return `${path} is not there, or not a file of this user's alone`;
  try {
    const json: unknown = JSON.parse(
      found,
      (key, value) => key === "awaySince" && value ? new Date(value) : value,
    );
    const handed = tryRead(read, json);
    if (handed) return handed;
    const theirs = isRecord(json) ? json.format : null;
    return theirs === format
      ? `${path} is damaged`
      : `what is handed over has format ${
        JSON.stringify(theirs)
      }, and this version understands only ${format}`;
  } catch {
    return `${path} is damaged (not JSON)`;
  }
}

/** The records of the processes that are handed over. */
export function recordsOf({ state }: Handover): PreviousState | string {
  return parseState(state);
}

/** Every descriptor of ours that the next version needs. */
export function descriptorsOf(handed: Handover): number[] {
  const pipes = handed.services.flatMap(({ service: { copy, notify } }) => [
    notify,
    ...Object.values(copy?.pipes ?? {}),
  ]);
  const { lock, claims, control } = handed.held;
  const others = [handed.guardian?.guardian?.input ?? null, handed.watcher?.pipe ?? null];
  return [...pipes, ...others, ...lock, ...claims.map(({ fd }) => fd), ...control].filter((fd) =>
    fd !== null
  );
}

/** What the services of this configuration are started with: a version takes over what it would start the same way. */
export function configurationOf({ services }: BootPlan): string {
  return sha256(JSON.stringify(services.map(({ name, argv, env, workdir, bindPort }) => [
    name,
    argv,
    Object.entries(env).sort(),
    workdir,
    bindPort,
  ])));
}

/** Where it lies; `runtime`: the instance's runtime folder. */
export const handoverPath = (runtime: string): string => `${runtime}/takeover.json`;
