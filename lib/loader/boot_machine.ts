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
