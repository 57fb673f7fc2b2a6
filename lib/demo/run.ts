/** The life of a stand-in: say so, load, perhaps wait in standby, bind, answer, stop. Spec: §1.1, §9; CONTRACT §3. */
import { whenAborted } from "../async.ts";
import { print, printError } from "../sys/terminal.ts";
import { reasonOf } from "../errors.ts";
import { isAbort, systemClock } from "../sys/clock.ts";
import { environment } from "../sys/host.ts";
import { awaitStdinLine, type Listening, sendNotification } from "../sys/net/server.ts";
import type { DemoOptions, DemoRole } from "./options.ts";
import type { Listen, Surroundings } from "./stand_in.ts";

interface Part {
  opening: string;
  loads: string;
  loadMs: number;
  /** Each role is imported only by the child that plays it. */
  load: () => Promise<{ listen: Listen }>;
}

const parts: Record<DemoRole, Part> = {
  kwd: {
    opening: "Stand-in for the KWD service: no microphone, no model; it only speaks the contract",
    loads: "wake-word model",
    loadMs: 400,
    load: () => import("./kwd.ts"),
  },
  stt: {
    opening: "Stand-in for the STT service: no model, it hears nothing; it only speaks the Wyoming protocol",
    loads: "speech recogniser",
    loadMs: 900,
    load: () => import("./stt.ts"),
  },
  llm: {
    opening: "Stand-in for the LLM service: no model, no thoughts; it only speaks grpc.health.v1",
    loads: "language model",
    loadMs: 1500,
    load: () => import("./llm.ts"),
  },
  tts: {
    opening: "Stand-in for the TTS service: no voice, no sound card; it only takes the time of speaking",
    loads: "voice",
    loadMs: 600,
    load: () => import("./tts.ts"),
  },
};

/**
 * Plays the part of one service until `signal` is aborted, and answers the exit code: 0 stopped when asked (or never
 * released from standby), 1 the port could not be bound or `--crash-after-ms` struck, 2 no port was given.
 */
export async function runDemoService(
  role: DemoRole,
  options: DemoOptions,
  signal: AbortSignal,
): Promise<number> {
  const part = parts[role];
  const say = (line: string) => print(line);
  say(part.opening);
  const port = options.port ?? portFromEnvironment();
  if (port === null) {
    printError("No port: give --port N, or ALEXA_BIND_PORT in the environment");
    return 2;
  }
  // Ends when the service is asked to stop or crashes, whichever is first.
  const life = new AbortController();
  const end = AbortSignal.any([signal, life.signal]);
  let loaded = false;
  const around: Surroundings = { port, options, clock: systemClock, signal: end, loaded: () => loaded, say };
  let listening: Listening | undefined;
  let code = 0;
  try {
    const { listen } = await part.load();
    if (options.bindEarly) listening = await bind(listen, around);
    const loadMs = options.loadMs ?? Math.round(part.loadMs / demoSpeed());
    say(`Loading the ${part.loads} (pretended, ${loadMs} ms)`);
    await systemClock.sleep(loadMs, end);
    loaded = true;
    if (environment().ALEXA_STANDBY === "1" && await standBy(end) !== "line") return 0;
    listening ??= await bind(listen, around);
    await notify("READY=1");
    if (options.crashAfterMs === undefined) await whenAborted(signal);
    else {
      await systemClock.sleep(options.crashAfterMs, signal);
      printError("Crashing as told");
      code = 1;
    }
  } catch (error) {
    if (!isAbort(error, end) && !signal.aborted) {
      printError(`Cannot serve on 127.0.0.1:${port}: ${reasonOf(error)}`);
      code = 1;
    }
  } finally {
    life.abort();
    await listening?.finished;
  }
  return code;
}

async function bind(listen: Listen, around: Surroundings): Promise<Listening> {
  const listening = await listen(around);
  around.say(`Listening on 127.0.0.1:${listening.port}`);
  return listening;
}

/** Reports that everything but the bind is done, then waits for the loader's word. */
async function standBy(signal: AbortSignal): Promise<"line" | "eof" | "aborted"> {
  await notify("X_ALEXA_PREPARED=1");
  return await awaitStdinLine("start", signal);
}

async function notify(text: string): Promise<void> {
  const socket = environment().NOTIFY_SOCKET;
  if (socket) await sendNotification(socket, text);
}

function portFromEnvironment(): number | null {
  const port = Number(environment().ALEXA_BIND_PORT || NaN);
  return Number.isInteger(port) && port >= 0 && port <= 65535 ? port : null;
}

/** ALEXA_DEMO_SPEED=4 loads four times as fast; anything that is not a positive number counts as 1. */
function demoSpeed(): number {
  const speed = Number(environment().ALEXA_DEMO_SPEED ?? 1);
  return Number.isFinite(speed) && speed > 0 ? speed : 1;
}
