/** The delay of the sound device, as a self-test measured it, in the state folder. Spec: §10. */
import { readSmallFile, writeAtomically } from "../sys/files/files.ts";

const file = "output_latency_ms";
/** What is longer is no measurement (configuration.md bounds the key alike). */
const longestMs = 60_000;

/** In ms; null where none was measured. */
export function measuredLatency(stateDir: string): number | null {
  const text = readSmallFile(`${stateDir}/${file}`, 16)?.trim() ?? "";
  return /^\d{1,5}$/.test(text) && Number(text) <= longestMs ? Number(text) : null;
}

/** Null once it is on the disk; else a sentence. */
export function keepLatency(stateDir: string, ms: number): string | null {
  try {
    writeAtomically(`${stateDir}/${file}`, `${ms}\n`);
    return null;
  } catch (error) {
    return `${stateDir}/${file}: the measured latency could not be kept: ${error}`;
  }
}
