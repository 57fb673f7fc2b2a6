/** "Can I talk to it, and if not, why?", in one sentence: the first line of whatever shows a running loader. Spec: §12. */
import type { Actual } from "./states.ts";
import type { LoaderStatus, ServiceStatus, Talk } from "./status.ts";

/** Without these nobody is heard. */
const hearing = ["wake word", "transcription"];

export function canTalk(status: Omit<LoaderStatus, "talk">): Talk {
  const { state, capabilities, degraded } = status;
  const deaf = status.listening === false && "wake word" in capabilities; // else it is spoken to in another way
  switch (state) {
    case "STOPPING":
    case "STOPPED":
      return { works: "no", text: "You cannot talk: it is stopping" };
    case "SYSTEM_READY": {
      if (status.muted) return { works: "no", text: `You cannot talk: it is muted (${unmute})` };
      const off = status.services.filter(({ desired }) => desired === "stopped").map(({ name }) => name);
      if (off.length > 0) return withoutStopped(off, capabilities);
      if (deaf) return { works: "not yet", text: "Not yet: it greets, then it listens" };
      const unproved = Object.keys(capabilities).filter((name) => capabilities[name] === "unproved");
      const rest = unproved.length === 0 ? "" : `; not proved yet: ${unproved.join(", ")}`;
      return { works: "yes", text: `You can talk${rest}` };
    }
    case "DEGRADED": {
      if (status.muted) {
        return { works: "no", text: `You cannot talk: it is muted (${unmute}), and ${degraded}` };
      }
      return deaf || hearing.some((name) => capabilities[name] === false)
        ? { works: "no", text: `You cannot talk: ${degraded}` }
        : { works: "partly", text: `You are heard, but: ${degraded}` };
    }
    default:
      return { works: "not yet", text: `Not yet: ${status.doing ?? awaited(status.services)}` };
  }
}

const doing: Partial<Record<Actual, string>> = {
  starting: "is starting",
  warming: "is warming up",
  backoff: "has failed and waits for its next start",
};

const unmute = "alexa-loader unmute";

function withoutStopped(off: readonly string[], capabilities: LoaderStatus["capabilities"]): Talk {
  const text = `${off.join(", ")} ${off.length === 1 ? "is" : "are"} stopped (alexa-loader start ${off[0]})`;
  return hearing.some((name) => capabilities[name] === false)
    ? { works: "no", text: `You cannot talk: ${text}` }
    : { works: "partly", text: `You are heard, but ${text}` };
}

/** What the boot waits for, in words. */
function awaited(services: readonly ServiceStatus[]): string {
  const up = services.filter(({ state }) => state === "up").length;
  const next = services.find(({ state }) => state in doing);
  const count = `${up} of ${services.length} up`;
  return next ? `${next.name} ${doing[next.state]}, ${count}` : count;
}
