/** Brings a service's model files into the page cache while another one starts. Spec: §9; CONTRACT §3. */
import type { ServicePlan } from "../model/plan.ts";
import type { PrepareReport } from "../model/reports.ts";
import type { Clock } from "../sys/clock.ts";
import { isAbort } from "../sys/clock.ts";
import { type FileTree, fileTree } from "../sys/files/file_tree.ts";
import { type CachedFile, openCached } from "../sys/files/page_cache.ts";
import { ReadThrottle } from "./read_throttle.ts";
import { findModelFiles } from "./find.ts";
import type { Machine } from "./pressure.ts";
import type { FoundFile } from "./model_file_search.ts";

/** Bytes that may still be brought in; shared by all services of a boot, so that they do not push out one another. */
export interface Allowance {
  bytes: number;
}

export interface PrewarmOptions {
  clock: Clock;
  /** Ends it at once; what was done until then is reported. Its reason is told when it is an Error. */
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
  home: string;
  /** Bring tokenizer files, model files. */
  tokenizers: boolean;
  models: boolean;
  machine: Machine;
  allowance: Allowance;
  /** Seams; default: the machine's own files and page cache. */
  tree?: FileTree;
  open?: (path: string, size: number) => Promise<CachedFile | null>;
}

/** Brought in and waited for at once: small enough to be ended soon, large enough for a disk to be fast. */
const windowBytes = 4 << 20;
const sampleLimit = 64;

/** Half of what is available: the other half is for the services themselves. Unbounded where the kernel does not tell. */
export function allowanceOf(machine: Machine): Allowance {
  return { bytes: (machine.availableBytes() ?? Infinity) / 2 };
}

/** What has been done; filled in while it happens, so that an end at any moment leaves the truth behind. */
interface Tally {
  /** In the page cache by now, of it there before, and of it where that could not be told. */
  bytes: number;
  cached: number;
  untold: number;
  /** Of all files that were found. */
  wanted: number;
  problems: string[];
}

/** Finds and brings the files. Never rejects: a prepare never fails the boot. `kind` is "none" if there is nothing to do. */
export async function prewarmFiles(service: ServicePlan, o: PrewarmOptions): Promise<PrepareReport> {
  const began = o.clock.now();
  const tally: Tally = { bytes: 0, cached: 0, untold: 0, wanted: 0, problems: [] };
  const throttle = new ReadThrottle(o);
  const over = Promise.withResolvers<never>();
  const onAbort = () => over.reject(o.signal.reason);
  o.signal.addEventListener("abort", onAbort, { once: true });
  try {
    o.signal.throwIfAborted();
    // A disk that does not answer holds its call for as long as it likes, but not our end.
    await Promise.race([bringAll(service, o, tally, throttle), over.promise]);
  } catch (error) {
    if (!isAbort(error, o.signal)) throw error;
    if (tally.bytes < tally.wanted) {
      const why = o.signal.reason instanceof Error ? `: ${o.signal.reason.message}` : "";
      tally.problems.push(`ended at ${mib(tally.bytes)} of ${mib(tally.wanted)}${why}`);
    }
  } finally {
    o.signal.removeEventListener("abort", onAbort);
  }
  // All is well if everything was brought in spite of it.
  if (throttle.heldBackMs > 0 && tally.bytes < tally.wanted) {
    tally.problems.push(`held back for ${Math.round(throttle.heldBackMs)} ms: others needed the disk`);
  }
  const told = tally.bytes - tally.untold;
  return {
    kind: tally.wanted > 0 || tally.problems.length > 0 ? "files" : "none",
    ms: o.clock.now() - began,
    bytes: tally.wanted > 0 ? tally.bytes : null,
    cachedShare: told > 0 ? tally.cached / told : null,
    problem: tally.problems.join("; ") || null,
  };
}

async function bringAll(
  service: ServicePlan,
  o: PrewarmOptions,
  tally: Tally,
  throttle: ReadThrottle,
): Promise<void> {
  const found = await findModelFiles(service, { ...o, tree: o.tree ?? fileTree });
  const files = found.files.filter(({ kind }) => kind === "tokenizer" ? o.tokenizers : o.models);
  if (o.models) tally.problems.push(...found.problems);
  tally.wanted = files.reduce((sum, { size }) => sum + size, 0);
  const unreadable: string[] = [];
  try {
    for (const file of files) {
      const why = await bringOne(file, o, tally, throttle, unreadable);
      if (!why) continue;
      tally.problems.push(why);
      break;
    }
  } finally {
    const [first, ...more] = unreadable;
    if (first) {
      tally.problems.push(`cannot read ${first}${more.length > 0 ? ` and ${more.length} more` : ""}`);
    }
  }
}

/** Gives a reason to bring no more files, or null. */
async function bringOne(
  { path, size }: FoundFile,
  o: PrewarmOptions,
  tally: Tally,
  throttle: ReadThrottle,
  unreadable: string[],
): Promise<string | null> {
  const opened = await (o.open ?? openCached)(path, size);
  if (!opened) {
    unreadable.push(path);
    return null;
  }
  using file = opened;
  const share = await shareThere(file, size, o);
  for (let at = 0; at < size; at += windowBytes) {
    o.signal.throwIfAborted();
    const length = Math.min(windowBytes, size - at);
    if (o.allowance.bytes < length) {
      return `${mib(tally.bytes)} of ${mib(tally.wanted)}: more would take over half of the available memory`;
    }
    const there = file.cachedBytes(at, length);
    if (there !== length) {
      const why = await throttle.mayRead();
      if (why) return `${why} after ${mib(tally.bytes)} of ${mib(tally.wanted)}`;
      const brought = await file.bring(at, length);
      o.signal.throwIfAborted();
      if (!brought) {
        unreadable.push(path);
        return null;
      }
    }
    // What is there already counts, too: it must not be pushed out again by what comes after.
    o.allowance.bytes -= length;
    tally.bytes += length;
    if (share === null) tally.untold += length;
    else tally.cached += share * length;
    if (there === length) await breathe(at / windowBytes, o);
  }
  return null;
}

/**
 * Share of a file that is in the page cache before we begin; null where it cannot be told. Asked of samples when it is
 * large, and not while we read: the kernel reads on ahead of us, and what it brings would seem to have been there.
 */
async function shareThere(file: CachedFile, size: number, o: PrewarmOptions): Promise<number | null> {
  const windows = Math.ceil(size / windowBytes);
  const samples = Math.min(windows, sampleLimit);
  let asked = 0;
  let cached = 0;
  for (let i = 0; i < samples; i++) {
    const at = Math.floor(i * windows / samples) * windowBytes;
    const length = Math.min(windowBytes, size - at);
    const there = file.cachedBytes(at, length);
    if (there === null) return null;
    asked += length;
    cached += there;
    await breathe(i, o);
  }
  return asked > 0 ? cached / asked : null;
}

/** What costs no wait at all must not keep others from their turn all the same. */
async function breathe(round: number, o: PrewarmOptions): Promise<void> {
  if (round % 4 === 3) await o.clock.sleep(0, o.signal);
}

const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
