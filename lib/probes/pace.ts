/**
 * The pace of asking. `readiness_poll_ms` is the slowest pace, not the usual one: what a gate adds to a boot is the time
 * between two questions. A question that meets a closed port costs nothing and disturbs nobody, so those come densely.
 * One that is heard and answered "not yet" takes from the load it waits for and fills the server's log, so those widen
 * quickly: ten in the first second, and no more than the slowest pace's afterwards. Both are denser around the moment
 * at which earlier boots were ready. Spec: §6, §9; CONTRACT §2.
 */

/** A timer is never more precise than this, and nothing is gained by asking faster. */
const fastestMs = 2;
/** Unheard: of the time already waited, the lag that one may add to it. */
const share = 0.01;
/** Unheard: a sign of life cuts a pause short, but never to less than this part of it: a service may talk all the time. */
const leastShare = 0.1;
/** Heard: the shortest pause. Each next one is as long as all before it. */
const firstHeardMs = 5;
/** What a service prints so shortly after our question was answered is taken for its echo: servers log their requests. */
export const echoMs = 100;
/** History's prediction is believed this much to either side. */
const tolerance = 0.1;
/** At most this many questions in the whole stretch around the predicted moment. */
const densePoints = { unheard: 400, heard: 40 };

/** A pause between two questions. */
export interface Pause {
  usualMs: number;
  /** A sign of life does not make it shorter than this. */
  leastMs: number;
  /** The last question was heard. */
  heard: boolean;
}

/** What the next pause depends on, in ms. */
export interface Waited {
  waitedMs: number;
  /** Since the first question that was heard; null while the last one was not. */
  heardMs: number | null;
  /** `readiness_poll_ms`. */
  maxMs: number;
  /** When history says it will be ready. */
  expectedMs?: number | null | undefined;
}

export function nextPause({ waitedMs, heardMs, maxMs, expectedMs }: Waited): Pause {
  const slowest = Math.max(fastestMs, maxMs);
  const heard = heardMs !== null;
  const usual = heard
    ? clamp(heardMs, Math.min(firstHeardMs, slowest), slowest)
    : clamp(waitedMs * share, fastestMs, slowest);
  const points = heard ? densePoints.heard : densePoints.unheard;
  const usualMs = nearPrediction(usual, waitedMs, expectedMs ?? 0, points, slowest);
  return { usualMs, leastMs: heard ? echoMs : usualMs * leastShare, heard };
}

function nearPrediction(
  usual: number,
  waitedMs: number,
  expectedMs: number,
  points: number,
  slowest: number,
) {
  const [from, to] = [expectedMs * (1 - tolerance), expectedMs * (1 + tolerance)];
  if (expectedMs <= 0 || waitedMs > to) return usual;
  // Before the stretch, never sleep into it.
  if (waitedMs < from) return clamp(from - waitedMs, fastestMs, usual);
  return Math.min(usual, clamp((to - from) / points, fastestMs, slowest));
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
