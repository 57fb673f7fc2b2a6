/**
 * The end of this version of the program: it hands all that it has over to the next one, and executes that in its place.
 *
 * What can be known before is tried before: the next one is run beside us with the very same state, and says whether it
 * would take it over (the rehearsal). What cannot is covered three times: it gives up by itself and executes us again; the
 * kernel ends it after 10 s if it does neither; and a watcher, a shell that holds copies of all descriptors, starts us
 * again when the process has gone. Only then it is another process, and the ends of the services can no longer be seen.
 */
import { controlSocket } from "../../api/types.ts";
import { LoaderError } from "../../errors.ts";
import { listOf, mapOf, parseJson, shaped, text, tryRead } from "../../shape.ts";
import { removeIfThere, writeAtomically } from "../../sys/files/files.ts";
import { realPath, workingDirectory } from "../../sys/host.ts";
import { ownClaims } from "../../sys/process/claim.ts";
import { runCommand } from "../../sys/process/command.ts";
import { dieAfter, execute, type Image, keepOpen, watchForStops } from "../../sys/process/exec.ts";
import { holdSignals } from "../../sys/process/signals.ts";
import { closeFds, openPipe, writeFd } from "../../sys/process/libc.ts";
import { holdReading } from "../../sys/process/process.ts";
import { ownDescriptors, ownListeners } from "../../sys/process/sockets.ts";
import { kernelMs } from "../../sys/service_manager.ts";
import { spawnProcess } from "../../sys/process/spawn.ts";
import { ownImage } from "../../sys/own_image.ts";
import { version } from "../../version.ts";
import type { Assembly } from "../assembly.ts";
import type { BootInterpreter } from "../boot_interpreter.ts";
import { configurationOf, descriptorsOf, type Handover, handoverPath } from "./handover.ts";

/** The kernel ends a next version that has not said within this time that it supervises everything, s. */
export const limitSec = 9;
const rehearsalMs = 10_000;
/** How long a start, a stop or a greeting that is under way is waited for, ms. */
const restMs = 10_000;
const lookMs = 5;
/** Lines that the console does not take meanwhile are told of and lost, ms. */
const consoleMs = 1000;
/** So long a signal that came just before is on its way through the runtime, ms. */
const signalMs = 20;

export interface Next {
  image: Image;
  /** The program's file, which is replaced already. */
  replaced: string | null;
}

/** What hands over: the boot, and what it has become. */
export interface Giver {
  made: Assembly;
  life: BootInterpreter;
}

/** Why nothing can be handed over now; null: it can. */
function unrest({ made, life }: Giver): string | null {
  const { phase, sequenceOver } = life.boot;
  if (made.stopping.signal.aborted) return "the loader is stopping";
  if (!sequenceOver || !["SYSTEM_READY", "DEGRADED"].includes(phase)) return `the loader is ${phase}`;
  if (made.wakeWord?.busy || !made.metrics.closed) return "the greeting is not over";
  const busy = made.supervisors.find((supervisor) => !supervisor.isAtRest || supervisor.retired);
  if (busy) return `${busy.name} is ${busy.state.actual}`;
  return null;
}

/** Waits until nothing is being started or stopped. @throws LoaderError that says what is. */
async function untilAtRest(giver: Giver): Promise<void> {
  const { clock, stopping: { signal } } = giver.made;
  const end = clock.now() + restMs;
  for (let why = unrest(giver); why !== null; why = unrest(giver)) {
    if (clock.now() >= end || signal.aborted) {
      throw new LoaderError("usage", `cannot hand over: ${why}`, { hint: "try again when it is over" });
    }
    await clock.sleep(lookMs);
  }
}

/** All that there is to hand over, now. */
function collect({ made, life }: Giver, replaced: string | null): Handover {
  const { plan, clock, bootId } = made;
  const control = controlSocket(plan.dirs.runtime);
  return {
    format: 1,
    from: version,
    boot: bootId,
    configuration: configurationOf(plan),
    now: clock.now(),
    kernelMs: kernelMs(),
    startedAt: made.startedAt,
    totalMs: made.metrics.recorder.totalMs,
    knowsStrays: made.knowsStrays,
    life: life.boot,
    wakeWord: made.wakeWord?.kept ?? null,
    guardian: made.guardian?.kept ?? null,
    services: made.supervisors.map(({ name, kept, service }) => ({
      name,
      supervisor: kept,
      service: service.kept,
    })),
    held: {
      lock: ownDescriptors(realPath(`${plan.dirs.state}/lock`)),
      claims: ownClaims(),
      control: ownListeners().filter(({ name }) => name === control || name === `${control}.new`) // as it was bound
        .map(({ fd }) => fd),
    },
    state: made.stateFile!.text!,
    demoPorts: [...made.demoPorts],
    watcher: null,
    previous: ownImage(),
    replaced,
    returned: null,
  };
}

/** The command line of `image` that takes over what lies at `path`. */
export function takingOver({ argv, env }: Image, path: string, rehearse = false): Image {
  const flags = argv.filter((word) => !/^--(take-over=|rehearse$)/.test(word));
  return { argv: [...flags, `--take-over=${path}`, ...(rehearse ? ["--rehearse"] : [])], env };
}

/**
 * Has the next version say that it would take over what there is now. @throws LoaderError with what it said instead.
 * Returns how it runs: a script that a built program begins with is not to be executed in our place, since a shell reaps
 * whoever ends meanwhile, and nobody would know how.
 */
export async function rehearse(giver: Giver, image: Image): Promise<Image> {
  const { plan, stopping: { signal } } = giver.made;
  await untilAtRest(giver);
  const path = `${plan.dirs.runtime}/rehearsal.json`;
  writeAtomically(path, JSON.stringify(collect(giver, null)));
  try {
    const { argv, env } = takingOver(image, path, true);
    const { code, stdout, stderr, timedOut } = await runCommand(argv, {
      env,
      timeoutMs: rehearsalMs,
      signal,
      cwd: workingDirectory(),
    });
    const [, bare] = stdout.split(`${rehearsed}\n`);
    if (code === 0 && bare !== undefined) {
      const found = tryRead(bareImageShape, parseJson(bare));
      return found ? { argv: found.argv, env: { ...env, ...found.env } } : image;
    }
    const said = (stderr || stdout).trim().split("\n").slice(0, 3).join("; ").slice(0, 400);
    const why = timedOut
      ? `it did not answer within ${rehearsalMs / 1000} s`
      : said || `it ended with code ${code}`;
    throw new LoaderError("usage", `${image.argv[0]} would not take over: ${why}`, {
      hint: "nothing was changed: the loader goes on as before",
    });
  } finally {
    removeIfThere(path);
  }
}

const bareImageShape = shaped<Image>({ argv: listOf(text), env: mapOf(text) });

/** What a rehearsal that went well prints; on the next line, as JSON, how the program runs. */
export const rehearsed = "ready to take over";

/**
 * A word means that all is well; the end of the pipe without one, that the process has gone, and so does silence once the
 * kernel must have ended it: something that it started may hold the pipe. `sleep` holds what we hold, so it is short.
 */
const watcherScript = `trap '' HUP INT TERM
read -r word <"/proc/$$/fd/0" & reader=$!
(
  turn=0
  while [ $turn -lt ${limitSec}6 ] && kill -s 0 $reader; do
    sleep 0.1 || { sleep 1; turn=$((turn + 9)); }
    turn=$((turn + 1))
  done
  kill -s KILL $reader
) 2>/dev/null &
{ wait $reader; } 2>/dev/null && exit 0
exec "$@" </dev/null`;

/** Does not return when it succeeds. @throws LoaderError when nothing was handed over, and everything goes on as before. */
export async function handOver(giver: Giver, next: Next): Promise<never> {
  const { clock, log, metrics, registry } = giver.made;
  holdSignals(true);
  using _signals = { [Symbol.dispose]: () => holdSignals(false) };
  const end = clock.now() + restMs;
  for (;;) {
    await untilAtRest(giver);
    await metrics.written();
    using _reading = holdReading();
    await log.flush(consoleMs);
    await clock.sleep(signalMs); // nothing is half done after that
    // What a command of ours is about to tell would be lost; one that goes on and on is not waited for.
    if (unrest(giver) === null && (registry!.running.size === 0 || clock.now() > end)) {
      executeNext(giver, next);
    }
    await clock.sleep(lookMs);
  }
}

/** Nothing else happens in this program between its first line and its last. */
function executeNext(giver: Giver, { image, replaced }: Next): never {
  const { made } = giver, { plan } = made;
  using stops = watchForStops();
  const path = handoverPath(plan.dirs.runtime);
  made.stateFile!.write();
  const handed = collect(giver, replaced);
  const [watched, pipe] = openPipe();
  const fds = [...descriptorsOf(handed), pipe];
  const { argv, env } = takingOver(handed.previous, path);
  keepOpen(fds.filter((fd) => fd !== pipe), true);
  const watcher = { pid: 0, pipe };
  try {
    watcher.pid = spawnProcess({
      argv: ["/bin/sh", "-c", watcherScript, "alexa-loader-watcher", ...argv],
      env,
      cwd: workingDirectory(),
    }, [watched, 1, 2]);
    writeAtomically(path, JSON.stringify({ ...handed, watcher }));
    keepOpen([pipe], true);
    dieAfter(limitSec);
    if (stops.came()) throw new Error("the loader is asked to stop");
    execute(takingOver(image, path));
  } catch (error) {
    throw new LoaderError("usage", `cannot hand over: ${error instanceof Error ? error.message : error}`);
  } finally {
    dieAfter(0);
    keepOpen(fds, false);
    writeFd(pipe, new TextEncoder().encode("stay\n"));
    closeFds(watched, pipe);
    removeIfThere(path);
  }
  throw new LoaderError("usage", `${image.argv[0]} cannot be executed`);
}

/**
 * Executes what ran before us once more: what was handed over to us is as it was. Does not return when it succeeds. The
 * kernel's limit is for both of us together, since the watcher counts on it.
 */
export function fallBack(handed: Handover, path: string, why: string): void {
  if (handed.returned !== null || handed.watcher === null) return; // we are that version, and nobody is left
  const fds = descriptorsOf(handed);
  writeAtomically(path, JSON.stringify({ ...handed, returned: why }));
  keepOpen(fds, true);
  holdSignals(true);
  execute(takingOver(handed.previous, path));
  holdSignals(false);
}
