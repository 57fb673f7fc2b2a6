/**
 * The life of the loader itself, as a pure machine. Spec: §1.2.
 *
 * `INIT -> PRECHECK -> STARTING(service) -> RUNNING_ALL -> SYSTEM_READY -> (DEGRADED | STOPPING) -> STOPPED`
 *
 * - **INIT**          nothing was looked at yet.
 * - **PRECHECK**      ports, commands, leftovers are looked at; nothing runs.
 * - **STARTING**      the sequence goes through the services one by one.
 * - **RUNNING_ALL**   every service is up; the moment before SYSTEM_READY is told.
 * - **SYSTEM_READY**  everything works for the person who talks.
 * - **DEGRADED**      at least one service is not up and the others go on.
 * - **STOPPING**      the ordered shutdown runs.
 * - **STOPPED**       nothing of ours is left.
 */
import type { LoaderState } from "../model/states.ts";

export type LoaderEvent =
  | "precheck"
  | "start"
  /** The sequence is through and every service is up; or the last missing one came up again. */
  | "all_up"
  | "system_ready"
  /** A service that should be up is not (it failed, crashed or is being restarted). */
  | "lost"
  | "stop"
  | "stopped";

/** Where an event leads; null: nothing happens (the event is late or already fulfilled). */
const table: Record<LoaderState, Record<LoaderEvent, LoaderState | null>> = {
  INIT: {
    precheck: "PRECHECK",
    start: null,
    all_up: null,
    system_ready: null,
    lost: null,
    stop: "STOPPING",
    stopped: null,
  },
  PRECHECK: {
    precheck: null,
    start: "STARTING",
    all_up: null,
    system_ready: null,
    lost: null,
    stop: "STOPPING",
    stopped: null,
  },
  STARTING: {
    precheck: null,
    start: null,
    all_up: "RUNNING_ALL",
    system_ready: null,
    lost: "DEGRADED",
    stop: "STOPPING",
    stopped: null,
  },
  RUNNING_ALL: {
    precheck: null,
    start: null,
    all_up: null,
    system_ready: "SYSTEM_READY",
    lost: "DEGRADED",
    stop: "STOPPING",
    stopped: null,
  },
  SYSTEM_READY: {
    precheck: null,
    start: null,
    all_up: null,
    system_ready: null,
    lost: "DEGRADED",
    stop: "STOPPING",
    stopped: null,
  },
  DEGRADED: {
    precheck: null,
    start: null,
    all_up: "RUNNING_ALL",
    system_ready: null,
    lost: null,
    stop: "STOPPING",
    stopped: null,
  },
  STOPPING: {
    precheck: null,
    start: null,
    all_up: null,
    system_ready: null,
    lost: null,
    stop: null,
    stopped: "STOPPED",
  },
  STOPPED: {
    precheck: null,
    start: null,
    all_up: null,
    system_ready: null,
    lost: null,
    stop: null,
    stopped: null,
  },
};

/** The state after `event`; the same state when nothing happens. */
export function nextLoaderState(state: LoaderState, event: LoaderEvent): LoaderState {
  return table[state][event] ?? state;
}

/** Who was lost since SYSTEM_READY, and when (monotonic ms). */
export interface Lost {
  name: string;
  at: number;
}

/** How the services are now. */
export interface Look {
  allUp: boolean;
  /** Somebody was given up, or is away: what is missing will not come by itself, or nobody knows when. */
  givenUp: boolean;
  /** The DEGRADED sentence; null when all are up. */
  text: string | null;
}

/** All that decides what the loader does next. */
export interface Boot {
  phase: LoaderState;
  /** Each service has had its turn: from now on it counts who is missing. */
  sequenceOver: boolean;
  /** SYSTEM_READY was reached; it is announced once, and later returns are told as such. */
  announced: boolean;
  /** The DEGRADED sentence that was told last: none is told twice in a row. */
  told: string | null;
  lost: readonly Lost[];
}

export type BootEvent =
  | { type: "precheck" | "start" | "stop" | "stopped" }
  | { type: "sequence_over"; look: Look }
  /** A service was lost: it was up, and is not. */
  | { type: "lost"; lost: Lost }
  /** A service came up, was given up or is away. */
  | { type: "changed"; look: Look };

export type BootEffect =
  | { do: "announce_ready" }
  | { do: "announce_back"; lost: readonly Lost[] }
  | { do: "tell_degraded"; text: string }
  /** The boot's own looks at the GPU are over: watch it from now on. */
  | { do: "poll_gpu" }
  /** Tell the wake word's machine what the boot came to. */
  | { do: "wake_word"; event: "system_ready" | "degraded" }
  /** The boot ended without SYSTEM_READY: its record is closed. */
  | { do: "close_record" };

export const initialBoot: Boot = {
  phase: "INIT",
  sequenceOver: false,
  announced: false,
  told: null,
  lost: [],
};

/** One step of the loader's life. Pure and total; what has happened already brings no effects again. */
export function bootStep(boot: Boot, event: BootEvent): { boot: Boot; effects: BootEffect[] } {
  switch (event.type) {
    case "sequence_over":
      return decide({ ...boot, sequenceOver: true }, event.look);
    case "lost":
      return { boot: withLost(boot, event.lost), effects: [] };
    case "changed":
      return decide(boot, event.look);
    default:
      return { boot: { ...boot, phase: nextLoaderState(boot.phase, event.type) }, effects: [] };
  }
}

/** From the moment a service is lost the loader is DEGRADED, whatever becomes of it. */
function withLost(boot: Boot, lost: Lost): Boot {
  if (boot.phase !== "SYSTEM_READY" && boot.lost.length === 0) return boot;
  return {
    ...boot,
    phase: nextLoaderState(boot.phase, "lost"),
    lost: boot.lost.some(({ name }) => name === lost.name) ? boot.lost : [...boot.lost, lost],
  };
}

/** Is everything up, or are we DEGRADED? */
function decide(boot: Boot, { allUp, givenUp, text }: Look): { boot: Boot; effects: BootEffect[] } {
  if (!boot.sequenceOver) return { boot, effects: [] };
  if (allUp) {
    const up = nextLoaderState(boot.phase, "all_up");
    if (up === boot.phase) return { boot, effects: [] };
    return {
      boot: {
        ...boot,
        phase: nextLoaderState(up, "system_ready"),
        announced: true,
        told: null,
        lost: [],
      },
      effects: boot.announced ? [{ do: "announce_back", lost: boot.lost }] : [
        { do: "announce_ready" },
        { do: "poll_gpu" },
        { do: "wake_word", event: "system_ready" },
      ],
    };
  }
  const phase = nextLoaderState(boot.phase, "lost");
  if (phase !== "DEGRADED" || !givenUp || text === null || text === boot.told) return { boot, effects: [] };
  const first = boot.told === null && !boot.announced;
  return {
    boot: { ...boot, phase, told: text },
    effects: [
      { do: "tell_degraded", text },
      { do: "wake_word", event: "degraded" },
      // A boot that ends DEGRADED does not greet; a KWD that is up listens all the same.
      ...(first ? [{ do: "poll_gpu" }, { do: "close_record" }] as const : []),
    ],
  };
}
