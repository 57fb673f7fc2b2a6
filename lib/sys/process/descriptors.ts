/**
 * Descriptors (open files, connections, pipes to children), of which a program may have only so many: how many, whether
 * one is to be had now, and some that are kept back for the stop. Spec: §8.
 */
import { cString, libc, O_CLOEXEC, readBytes } from "./libc.ts";

/** Said of a question that was not asked for that reason. */
export const noneFreeText = "no file descriptor is free (ulimit -n)";

const errors = Error as { stackTraceLimit?: number | undefined };
const usualStack = errors.stackTraceLimit;
/** One that is free now may be taken the next moment: so long after a shortage we are careful, ms. */
const carefulMs = 60_000;
let lastShortage = -Infinity;

/**
 * For the stack of an error the runtime reads our own files, and out of TypeScript ends the program when it cannot. So
 * errors that are made at every turn, and whose stack nobody looks at, are made within this.
 */
export function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit } = errors;
  errors.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    errors.stackTraceLimit = stackTraceLimit;
  }
}

/** Nothing can be opened now. Whom we cannot ask, we know nothing new of. */
export function noneFree(): boolean {
  const c = libc();
  if (!c) return false;
  const fd = c.open(cString("/"), O_CLOEXEC, 0);
  if (fd >= 0) c.close(fd);
  if (fd < 0) lastShortage = performance.now();
  errors.stackTraceLimit = performance.now() - lastShortage < carefulMs ? 0 : usualStack;
  return fd < 0;
}

/** True for the error of a call that needed a descriptor and got none, of ours or of the whole machine. */
export function isShortage(message: string): boolean {
  return /\(os error 2[34]\)|\bE[MN]FILE\b/.test(message);
}

/** How many this process may have; null where nobody tells. */
export function descriptorLimit(): number | null {
  const bytes = readBytes("/proc/self/limits");
  const limit = bytes && /^Max open files +(\d+)/m.exec(new TextDecoder().decode(bytes));
  return limit ? Number(limit[1]) : null;
}

/** Descriptors that nobody else can take, until their disposal: as many of `count` as there are. */
export function holdBack(count: number): Disposable {
  const c = libc();
  const held = Array.from({ length: c ? count : 0 }, () => c!.open(cString("/"), O_CLOEXEC, 0));
  return {
    [Symbol.dispose]() {
      for (const fd of held.splice(0)) if (fd >= 0) c!.close(fd);
    },
  };
}
