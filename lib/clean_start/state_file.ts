/**
 * `state.json`: which processes the loader has started, so that the next loader can prove which of them are left.
 * Spec: §4; CONTRACT §8.
 *
 * The file is evidence, not an order: it is read as hostile input, and what it names is nobody's process until pid,
 * start time and the machine's boot all agree (see leftovers.ts). Whatever is wrong with it is a warning and a
 * fresh start.
 */
import { reasonOf } from "../errors.ts";
import { isCount, isRecord, parseJson } from "../shape.ts";
import {
  kindOf,
  makePrivateDir,
  readSmallFile,
  removeIfThere,
  restoreDir,
  writeAtomically,
} from "../sys/files/files.ts";
import { ownPid, userId } from "../sys/host.ts";
import type { Clock } from "../sys/clock.ts";
import { ownership } from "../sys/process/precheck.ts";
import { type Identity, identityFrom, identityText } from "../sys/process/process.ts";
import { machineBootId, readStat } from "../sys/process/procfs.ts";

/** One service's process as it was recorded. A start time of 0 is unknown and proves nothing. */
export interface ServiceRecord extends Identity {
  pgid: number;
  /** Id of the boot that started it, which it carries in its environment; an adopted one keeps its first. */
  boot: string;
  /** ISO time. */
  spawnedAt: string;
  port: number | null;
  /** What it was started with (`on_loader_death: keep`, see adoption.ts); null: nobody could go on with it. */
  digest: string | null;
  /** It was past its gate. */
  ready: boolean;
  /** Its processes that only their pid and start time tell of: they left its group and carry no boot id ("4711:90210"). */
  seen: readonly string[];
}

/** What an earlier loader left on record. */
export interface PreviousState {
  /** Its boot's id. */
  boot: string;
  /** The kernel's id of the machine's boot. No process of another one lives. */
  machineBoot: string;
  loader: Identity;
  onLoaderDeath: "stop" | "keep";
  services: ReadonlyMap<string, ServiceRecord>;
  /** Processes that some service has left behind; nobody knows which. */
  strays: readonly string[];
  /** Commands of its own (probes, warm-ups, control verbs, GPU tools) that were running. */
  commands: readonly string[];
}

const pathIn = (dir: string) => `${dir}/state.json`;
const gatherMs = 50;
/** Most commands are over before they are worth a write. */
const commandGatherMs = 500;
const format = 1;
const largest = 1 << 20;
const highestPid = 1 << 22;

export class StateFile {
  readonly path: string;
  #dir: string;
  /** What the loader before left; null: it ended cleanly, there was none, or the file is of no use. */
  readonly previous: PreviousState | null;
  /** Why the file is of no use. */
  readonly warning: string | null;
  #onProblem: (message: string) => void;
  #head: { boot: string; onLoaderDeath: "stop" | "keep" } | null = null;
  #services = new Map<string, ServiceRecord>();
  #strays: readonly string[] = [];
  #failing = false;
  #clock: Clock;
  #soon: Disposable | null = null;
  #commands = new Set<string>();
  #later: Disposable | null = null;

  private constructor(
    dir: string,
    found: PreviousState | string | null,
    onProblem: (message: string) => void,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#dir = dir;
    this.path = pathIn(dir);
    this.previous = typeof found === "string" ? null : found;
    this.warning = typeof found === "string" ? found : null;
    this.#onProblem = onProblem;
  }

  /**
   * Reads what is there and changes nothing yet: until {@link begin} the old record stays, for a loader that dies in its
   * precheck. Changes are gathered for 50 ms: until then a process is proved by its environment alone, and no gate waits
   * for the disk. `onProblem` is told, once for each time of trouble, that the file cannot be written. Never throws.
   */
  static open(dir: string, onProblem: (message: string) => void, clock: Clock): StateFile {
    try {
      makePrivateDir(dir);
    } catch (error) {
      onProblem(`The state folder ${dir} cannot be made (${reasonOf(error)})`);
    }
    return new StateFile(dir, read(pathIn(dir)), onProblem, clock);
  }

  /** From now on the file is this boot's. `adopted`: the earlier loader's services that go on under this one. */
  begin(
    o: { boot: string; onLoaderDeath: "stop" | "keep"; adopted?: ReadonlyMap<string, ServiceRecord> },
  ): void {
    this.#head = { boot: o.boot, onLoaderDeath: o.onLoaderDeath };
    this.#services = new Map(o.adopted);
    this.write();
  }

  /** A process was started. @throws before {@link begin}. */
  record(service: string, record: ServiceRecord): void {
    if (!this.#head) throw new Error("the state file has no boot yet");
    this.#services.set(service, record);
    this.#changed();
  }

  /** More is known of this copy. Of one that is not on record (any more) nothing is noted. */
  note(service: string, copy: Identity, more: Partial<Omit<ServiceRecord, keyof Identity>>): void {
    const known = this.#recordOf(service, copy);
    if (known) this.record(service, { ...known, ...more });
  }

  /** The last process of this copy is gone. A copy that was recorded since stays. */
  remove(service: string, copy: Identity): void {
    if (!this.#recordOf(service, copy)) return;
    this.#services.delete(service);
    this.#changed();
  }

  /** These are all that some service has left behind without a trace of which. */
  noteStrays(strays: readonly string[]): void {
    this.#strays = strays;
    this.#changed();
  }

  /** A command of ours runs. It is recorded if it goes on for half a second. */
  noteCommand(command: Identity): void {
    this.#commands.add(identityText(command));
    this.#later ??= this.#clock.after(commandGatherMs, () => {
      this.#later = null;
      if (this.#commands.size > 0) this.write();
    });
  }

  /** Nothing of it lives. On disk it may stay until the next write: it names nobody. */
  forgetCommand(command: Identity): void {
    this.#commands.delete(identityText(command));
  }

  #recordOf(service: string, copy: Identity): ServiceRecord | null {
    const known = this.#services.get(service);
    return known?.pid === copy.pid && known.startTime === copy.startTime ? known : null;
  }

  #changed(): void {
    this.#soon ??= this.#clock.after(gatherMs, () => this.write());
  }

  /** Writes the record as it is now, in one step. Nothing to be called for: each change does. */
  write(): void {
    this.#soon?.[Symbol.dispose]();
    this.#soon = null;
    if (!this.#head) return;
    try {
      restoreDir(this.#dir, this.#onProblem);
      writeAtomically(this.path, this.#text(this.#head));
      this.#failing = false;
    } catch (error) {
      if (this.#failing) return;
      this.#failing = true;
      this.#onProblem(
        `${this.path} cannot be written (${
          reasonOf(error)
        }): if the loader is killed now, the next one may not know its services`,
      );
    }
  }

  /** What it says now, for another version of this program; null before {@link begin}. */
  get text(): string | null {
    return this.#head && this.#text(this.#head);
  }

  /** The clean end: nothing of this boot is left, so there is nothing to know. */
  clear(): void {
    this.#soon?.[Symbol.dispose]();
    this.#soon = null;
    this.#later?.[Symbol.dispose]();
    this.#later = null;
    this.#head = null;
    this.#services.clear();
    this.#commands.clear();
    removeIfThere(this.path);
  }

  #text(head: { boot: string; onLoaderDeath: "stop" | "keep" }): string {
    const state = {
      format,
      boot: head.boot,
      machine_boot: machineBootId(),
      loader: { pid: ownPid, start_time: readStat(ownPid)?.startTime ?? 0 },
      on_loader_death: head.onLoaderDeath,
      services: Object.fromEntries([...this.#services].map(([name, record]) => [name, fromRecord(record)])),
      strays: this.#strays,
      commands: [...this.#commands],
    };
    return JSON.stringify(state, null, 2) + "\n";
  }
}

/** The state, why it is of no use, or null when there is none. */
function read(path: string): PreviousState | string | null {
  const useless = (why: string) => `${path} ${why}: starting without a record of what ran before`;
  const kind = kindOf(path);
  if (kind === null) return null;
  if (kind !== "file") return useless("is not a regular file");
  const owner = ownership(path);
  if (owner?.uid !== userId()) return useless("belongs to another user");
  if (owner.mode & 0o022) return useless("may be written by others");
  const text = readSmallFile(path, largest);
  if (text === null) return useless("is too large or cannot be read");
  const state = parseState(text);
  return typeof state === "string" ? useless(state) : state;
}

/** Reads the text of a state file; a string says what is wrong with it. Never throws. */
export function parseState(text: string): PreviousState | string {
  const json = parseJson(text);
  if (json === undefined) return "is damaged (not JSON)";
  if (!isRecord(json)) return "is damaged (no object)";
  if (json.format !== format) return `has an unknown format (${cut(json.format)})`;
  const loader = toIdentity(json.loader, 1); // in a container the loader may be pid 1
  const { boot, machine_boot: machineBoot, on_loader_death: onLoaderDeath } = json;
  if (!isId(boot)) return "is damaged (boot)";
  if (!isId(machineBoot)) return "is damaged (machine_boot)";
  if (!loader) return "is damaged (loader)";
  if (onLoaderDeath !== "stop" && onLoaderDeath !== "keep") return "is damaged (on_loader_death)";
  const { strays = [], commands = [] } = json;
  if (!areIdentities(strays)) return "is damaged (strays)";
  if (!areIdentities(commands)) return "is damaged (commands)";
  if (!isRecord(json.services)) return "is damaged (services)";
  const services = new Map<string, ServiceRecord>();
  for (const [name, value] of Object.entries(json.services)) {
    const record = toRecord(value);
    if (!/^[a-z][a-z0-9_]*$/.test(name) || !record) return `is damaged (services.${cut(name)})`;
    services.set(name, record);
  }
  return { boot, machineBoot, loader, onLoaderDeath, services, strays, commands };
}

/** A part of a record: its key in the file, what it may be there, and what it is when it is not there. */
interface Field {
  key: string;
  fits(value: unknown): boolean;
  absent?: unknown;
}

const fields: { [K in keyof ServiceRecord]: Field } = {
  pid: { key: "pid", fits: (v) => isPid(v) },
  startTime: { key: "start_time", fits: (v) => isCount(v) },
  pgid: { key: "pgid", fits: (v) => isPid(v) },
  boot: { key: "boot", fits: (v) => isId(v) },
  spawnedAt: { key: "spawned_at", fits: (v) => typeof v === "string" && v.length <= 40 },
  port: { key: "port", fits: (v) => v === null || (isCount(v) && v >= 1 && v <= 65535), absent: null },
  digest: { key: "digest", fits: (v) => v === null || isId(v), absent: null },
  ready: { key: "ready", fits: (v) => typeof v === "boolean", absent: false },
  seen: { key: "seen", fits: areIdentities, absent: [] },
};

function toRecord(value: unknown): ServiceRecord | null {
  if (!isRecord(value)) return null;
  const record: Record<string, unknown> = {};
  for (const [name, { key, fits, absent }] of Object.entries(fields)) {
    record[name] = Object.hasOwn(value, key) ? value[key] : absent;
    if (!fits(record[name])) return null;
  }
  return record as unknown as ServiceRecord;
}

function fromRecord(record: ServiceRecord): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, { key }]) => [key, record[name as keyof ServiceRecord]]),
  );
}

function toIdentity(value: unknown, lowestPid = 2): Identity | null {
  if (!isRecord(value)) return null;
  const { pid, start_time: startTime } = value;
  return isPid(pid, lowestPid) && isCount(startTime) ? { pid, startTime } : null;
}

function areIdentities(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((v) => {
    if (typeof v !== "string" || !/^\d+:\d+$/.test(v)) return false;
    const { pid, startTime } = identityFrom(v);
    return isPid(pid) && isCount(startTime);
  });
}

const isPid = (v: unknown, lowest = 2): v is number => isCount(v) && v >= lowest && v <= highestPid;
const isId = (v: unknown): v is string => typeof v === "string" && /^[A-Za-z0-9-]{1,64}$/.test(v);

/** A piece of a hostile value that is fit for a message. */
function cut(value: unknown): string {
  const text = typeof value === "object" ? "an object" : String(value);
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 40);
}
