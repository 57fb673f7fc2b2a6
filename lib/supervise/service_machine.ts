/**
 * The life of one service, as a pure machine: state x event -> state and effects. Spec: §1.2, §6.
 *
 * `desired` is what somebody wants (up, down); `actual` is what is there:
 *
 * - **idle**      nothing of it runs, and nothing is about to.
 * - **standby**   its process was started ahead of its turn; it prepares and must not bind before it is released.
 * - **starting**  its process runs (or, external, is watched); readiness is awaited.
 * - **warming**   it is ready; the warm-up runs. Not past its gate yet.
 * - **up**        past its gate: ready and warmed; liveness is watched.
 * - **stopping**  signals were sent; we wait until the last process of it is gone. What comes next follows from
 *                 `desired` and from `next`, so a restart or a crash and a stop can race without a lock.
 * - **backoff**   it will be started again when the backoff is over.
 * - **away**      external only: it does not answer, and is looked for until it is back. Never given up.
 * - **failed**    given up: the restart policy is exhausted or forbids another start. Only a person's restart leaves it.
 *
 * The one writer is the interpreter (`supervisor.ts`): it feeds events one at a time and performs the effects.
 */
import type { RestartPolicy } from "../model/plan.ts";
import type { Actual, Desired, Fault, Verdict } from "../model/states.ts";

export interface ServiceState {
  desired: Desired;
  actual: Actual;
  /** While stopping: what follows once it is gone, if it is still wanted. */
  next: "start" | "backoff" | "fail" | "rest";
  /** Backoff to wait once it is gone, ms. */
  delayMs: number;
  /** Times (ms, monotonic) of the automatic restarts that the sliding window still counts. */
  restarts: readonly number[];
  /** What went wrong last; null after it came up. */
  fault: Fault | null;
}

export type ServiceEvent =
  /** It shall run. */
  | { type: "start" }
  /** It shall not run. */
  | { type: "stop" }
  /** A person wants a fresh copy: what failed before is forgotten. */
  | { type: "restart" }
  /** Its settings have changed: a copy that was started with the old ones is replaced, however far it is. */
  | { type: "renew" }
  /** Its turn comes soon: start its process ahead and let it prepare. */
  | { type: "prepare" }
  | { type: "ready" }
  | { type: "warmed" }
  /** Something went wrong with the copy that runs. */
  | { type: "fault"; fault: Fault }
  /** The last process of the copy that was stopped is gone; `stuck`: even SIGKILL could not end it. */
  | { type: "gone"; stuck?: boolean }
  | { type: "backoff_over" }
  /** A copy of an earlier loader was proved to be ours and healthy: it is taken over as it is. */
  | { type: "adopted" };

export type Effect =
  /** Start the process, or release the standby, and await readiness. */
  | { do: "start" }
  | { do: "start_standby" }
  | { do: "warm" }
  /** Watch liveness: it is up. */
  | { do: "watch" }
  /** End whatever is awaited or watched, then signal the group until it is empty, then send `gone`. */
  | { do: "terminate" }
  | { do: "wait_backoff"; ms: number }
  /** After `afterMs` look for it again and again, and send `ready` once it answers. */
  | { do: "look"; afterMs: number }
  /** End the backoff. */
  | { do: "cancel_backoff" }
  /** Tell people about a fault and what follows. */
  | { do: "tell_fault"; fault: Fault; verdict: Verdict }
  /** A start came to its end, for those who wait for it. */
  | { do: "settle"; as: "up" | "failed" | "down" };

export type Step = { state: ServiceState; effects: Effect[] };

export const initialState: ServiceState = {
  desired: "down",
  actual: "idle",
  next: "rest",
  delayMs: 0,
  restarts: [],
  fault: null,
};

interface Context {
  policy: RestartPolicy;
  /** Monotonic ms. */
  now: number;
}

type Handler<E extends ServiceEvent["type"]> = (
  state: ServiceState,
  event: Extract<ServiceEvent, { type: E }>,
  context: Context,
) => Step;
type Row = { [E in ServiceEvent["type"]]: Handler<E> };

/** Nothing happens: the event is late, double or already fulfilled. */
const nothing = (state: ServiceState): Step => ({ state, effects: [] });
const go = (state: ServiceState, patch: Partial<ServiceState>, ...effects: Effect[]): Step => ({
  state: { ...state, ...patch },
  effects,
});

/** A start from scratch, by whatever road. */
const begin = (state: ServiceState): Step =>
  go(state, { desired: "up", actual: "starting", next: "rest" }, { do: "start" });
/** A start that a person asked for: what failed before is forgotten. */
const afresh = (state: ServiceState): Step => begin({ ...state, restarts: [], fault: null });
const wantUp = (state: ServiceState): Step => go(state, { desired: "up" });
const wantDown = (state: ServiceState): Step => go(state, { desired: "down", next: "rest" });
const terminate = (state: ServiceState, patch: Partial<ServiceState>): Step =>
  go(state, { actual: "stopping", ...patch }, { do: "terminate" });
const takeDown = (state: ServiceState): Step => terminate(state, { desired: "down", next: "rest" });
const replace = (state: ServiceState): Step =>
  terminate(state, { desired: "up", next: "start", restarts: [], fault: null });
/** While it is being stopped: a fresh copy follows, whatever was to. */
const again = (state: ServiceState): Step =>
  go(state, { desired: "up", next: "start", restarts: [], fault: null });

/** What the restart policy says to a fault now (§6): restart after a backoff, or give up. Pure. */
export function judge(
  policy: RestartPolicy,
  fault: Fault,
  restarts: readonly number[],
  now: number,
): Exclude<Verdict, { kind: "none" }> {
  if (policy.type === "watch") {
    // What does not answer is looked for at once; what answers and fails is left alone for a while.
    const delayMs = fault.kind === "unhealthy" ? 0 : backoffMs(policy, recent(policy, restarts, now).length);
    return { kind: "look_again", delayMs };
  }
  const code = fault.kind === "exited" ? fault.status.code : null;
  if (fault.kind === "refused") return { kind: "give_up", why: "on_vram_short: fail" };
  if (fault.kind === "wrong") return { kind: "give_up", why: "another copy would be no better" };
  if (fault.kind === "exited" && fault.beforeReady && fault.background !== null) {
    return { kind: "give_up", why: "another copy would do the same" };
  }
  if (policy.type === "never") return { kind: "give_up", why: "restart policy: never" };
  if (fault.kind === "exited" && !fault.beforeReady && code === 0 && policy.type === "on-failure") {
    return { kind: "give_up", why: "it ended by itself with exit 0" };
  }
  if (code !== null && policy.noRestartExitCodes.includes(code)) {
    return { kind: "give_up", why: `exit code ${code} is one of no_restart_exit_codes` };
  }
  const counted = recent(policy, restarts, now).length;
  if (counted >= policy.maxRestarts) {
    return {
      kind: "give_up",
      why: `${policy.maxRestarts} restart${policy.maxRestarts === 1 ? "" : "s"} in ${
        Math.round(policy.windowMs / 1000)
      } s`,
    };
  }
  return {
    kind: "restart",
    attempt: counted + 1,
    of: policy.maxRestarts,
    delayMs: backoffMs(policy, counted),
  };
}

function recent(policy: RestartPolicy, restarts: readonly number[], now: number): number[] {
  return restarts.filter((at) => now - at < policy.windowMs);
}

/** Capped exponential backoff before restart number `n` (0-based) of the window, ms. */
export function backoffMs(policy: RestartPolicy, n: number): number {
  const { initialMs, factor, maxMs } = policy.backoff;
  if (initialMs === 0) return 0; // the power may be infinite
  return Math.min(maxMs, initialMs * factor ** n);
}

/** A fault of a wanted copy. Its processes are cleared away first in any case: "leader gone" is not "group gone". */
const onFault: Handler<"fault"> = (state, { fault }, { policy, now }) => {
  const verdict = judge(policy, fault, state.restarts, now);
  const restarts = recent(policy, state.restarts, now);
  const tell: Effect = { do: "tell_fault", fault, verdict };
  if (verdict.kind === "look_again") {
    // Nothing of it is ours to be cleared away, and whoever waits for its start goes on without it.
    return go(
      state,
      { actual: "away", restarts: [now, ...restarts].slice(0, policy.maxRestarts), fault },
      tell,
      { do: "look", afterMs: verdict.delayMs },
      { do: "settle", as: "failed" },
    );
  }
  const patch: Partial<ServiceState> = verdict.kind === "restart"
    ? { actual: "stopping", next: "backoff", delayMs: verdict.delayMs, restarts: [...restarts, now], fault }
    : { actual: "stopping", next: "fail", restarts, fault };
  return go(state, patch, tell, { do: "terminate" });
};

const onGone: Handler<"gone"> = (state, { stuck }) => {
  if (state.desired === "down") {
    return go(state, { actual: "idle", next: "rest" }, { do: "settle", as: "down" });
  }
  // Never two copies: what cannot be ended keeps the place of what would be started.
  if (stuck) return go(state, { actual: "failed", next: "rest" }, { do: "settle", as: "failed" });
  if (state.next === "start") return begin(state);
  if (state.next === "fail") {
    return go(state, { actual: "failed", next: "rest" }, { do: "settle", as: "failed" });
  }
  if (state.next === "backoff") {
    if (state.delayMs <= 0) return begin(state);
    return go(state, { actual: "backoff", next: "rest" }, { do: "wait_backoff", ms: state.delayMs });
  }
  return begin(state); // wanted again while it was being stopped
};

const cancelBackoff = (step: Step): Step => ({
  ...step,
  effects: [{ do: "cancel_backoff" }, ...step.effects],
});

const table: Record<Actual, Row> = {
  idle: {
    start: begin,
    stop: (s) => go(s, { desired: "down" }, { do: "settle", as: "down" }),
    restart: afresh,
    renew: afresh,
    prepare: (s) => go(s, { actual: "standby" }, { do: "start_standby" }),
    ready: nothing,
    warmed: nothing,
    fault: nothing,
    gone: nothing,
    backoff_over: nothing,
    adopted: (s) =>
      go(s, { desired: "up", actual: "up", fault: null }, { do: "watch" }, { do: "settle", as: "up" }),
  },
  standby: {
    start: begin,
    stop: takeDown,
    restart: afresh,
    renew: replace,
    prepare: nothing,
    ready: nothing, // it may not be gated on before its turn
    warmed: nothing,
    // A prepare never fails the boot: the start goes on without it.
    fault: (s, { fault }) =>
      go(s, { actual: "stopping", next: "rest", fault }, {
        do: "tell_fault",
        fault,
        verdict: { kind: "none" },
      }, {
        do: "terminate",
      }),
    gone: nothing,
    backoff_over: nothing,
    adopted: nothing,
  },
  starting: {
    start: nothing,
    stop: takeDown,
    restart: nothing, // a fresh copy is on its way
    renew: replace,
    prepare: nothing,
    ready: (s) => go(s, { actual: "warming" }, { do: "warm" }),
    warmed: nothing,
    fault: onFault,
    gone: nothing,
    backoff_over: nothing,
    adopted: nothing,
  },
  warming: {
    start: nothing,
    stop: takeDown,
    restart: nothing,
    renew: replace,
    prepare: nothing,
    ready: nothing,
    warmed: (s) => go(s, { actual: "up", fault: null }, { do: "watch" }, { do: "settle", as: "up" }),
    fault: onFault,
    gone: nothing,
    backoff_over: nothing,
    adopted: nothing,
  },
  up: {
    start: nothing,
    stop: takeDown,
    restart: replace,
    renew: replace,
    prepare: nothing,
    ready: nothing,
    warmed: nothing,
    fault: onFault,
    gone: nothing,
    backoff_over: nothing,
    adopted: nothing,
  },
  stopping: {
    start: wantUp,
    stop: wantDown,
    restart: again,
    renew: again,
    prepare: nothing,
    ready: nothing,
    warmed: nothing,
    fault: nothing, // its end is what we wait for
    gone: onGone,
    backoff_over: nothing,
    adopted: nothing,
  },
  backoff: {
    start: nothing,
    stop: (s) =>
      go(s, { desired: "down", actual: "idle" }, { do: "cancel_backoff" }, { do: "settle", as: "down" }),
    restart: (s) => cancelBackoff(afresh(s)),
    renew: (s) => cancelBackoff(afresh(s)),
    prepare: nothing,
    ready: nothing,
    warmed: nothing,
    fault: nothing,
    gone: nothing,
    backoff_over: begin,
    adopted: nothing,
  },
  away: {
    start: (s) => go(s, {}, { do: "settle", as: "failed" }), // it is looked for already
    stop: takeDown,
    restart: replace,
    renew: replace,
    prepare: nothing,
    ready: (s) => go(s, { actual: "warming" }, { do: "warm" }),
    warmed: nothing,
    fault: onFault,
    gone: nothing,
    backoff_over: nothing,
    adopted: nothing,
  },
  failed: {
    start: nothing,
    stop: (s) => go(s, { desired: "down", actual: "idle" }, { do: "settle", as: "down" }),
    restart: afresh,
    renew: afresh,
    prepare: nothing,
    ready: nothing,
    warmed: nothing,
    fault: nothing,
    gone: nothing,
    backoff_over: nothing,
    adopted: nothing,
  },
};

/** One step of the machine. Pure and total. */
export function step(state: ServiceState, event: ServiceEvent, context: Context): Step {
  const handler = table[state.actual][event.type] as Handler<ServiceEvent["type"]>;
  return handler(state, event as never, context);
}
