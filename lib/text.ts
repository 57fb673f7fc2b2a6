/** Figures and lines as people read them. */
import type { Works } from "./model/status.ts";

/** "0.42s", "12.3s", "154s". */
export function seconds(ms: number): string {
  const s = ms / 1000;
  return s < 10 ? `${s.toFixed(2)}s` : s < 100 ? `${s.toFixed(1)}s` : `${Math.round(s)}s`;
}

/** "12:34:56", the time of day where this runs. */
export function timeOfDay(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

/** "wake word yes, answers unproved, speech no". */
export function worksText(all: Record<string, Works>): string {
  return Object.entries(all).map(([name, works]) => `${name} ${works === true ? "yes" : works || "no"}`).join(
    ", ",
  );
}
