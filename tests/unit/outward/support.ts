/** Facts as a supervisor emits them. */
import type { Fact } from "../../../lib/model/events.ts";
import type { Actual, Desired, Fault, Verdict } from "../../../lib/model/states.ts";

export const known = ["kwd", "stt", "llm", "tts"].map((name, i) => ({ name, bindPort: 5001 + i }));
const restart: Verdict = { kind: "restart", attempt: 1, of: 3, delayMs: 2000 };

export const fell = (service: string, more: { fault?: Fault; verdict?: Verdict } = {}): Fact => ({
  fact: "fault",
  service,
  fault: more.fault ?? {
    kind: "exited",
    status: { code: null, signal: "SIGKILL" },
    afterMs: 61_000,
    beforeReady: false,
    lastLines: ["open the garage"],
    background: null,
  },
  verdict: more.verdict ?? restart,
  awaySince: null,
});
export const unhealthy = (service: string, detail: string) =>
  fell(service, { fault: { kind: "unhealthy", failures: 3, detail } });
export const givenUp = (service: string) =>
  fell(service, { verdict: { kind: "give_up", why: "3 restarts in 600 s" } });
export const state = (service: string, to: Actual, desired: Desired = "up"): Fact => ({
  fact: "state",
  service,
  from: "starting",
  to,
  desired,
});
export const up = (service: string) => state(service, "up");
