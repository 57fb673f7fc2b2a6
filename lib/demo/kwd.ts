/** Stand-in for the wake-word service: listening is a set of reasons not to. Spec: §10; CONTRACT §5. */
import type { Listening } from "../sys/net/server.ts";
import type { Json } from "../shape.ts";
import { answer, serveVerbs, type Surroundings } from "./stand_in.ts";

const MAX_REASONS = 32;

/** Serves the verbs of a KWD. */
export function listen(around: Surroundings): Listening {
  // Several may want silence at once (the greeting, a user's mute); each takes back only its own.
  const reasons = new Set<string>();
  let boot: string | null = null;
  const state = () => ({ paused: reasons.size > 0, reasons: [...reasons] });

  const pause = (body: Json) => {
    const reason = reasonIn(body);
    if (reason === null || reasons.size >= MAX_REASONS) {
      return answer({ error: "reason must be a short text" }, 400);
    }
    if (around.options.refusePause) {
      around.say("Refusing to pause, as told");
      return answer({ error: "this stand-in was told to refuse" }, 500);
    }
    reasons.add(reason);
    around.say(`Wake word paused (${[...reasons].join(", ")})`);
    return answer(state());
  };
  const resume = (body: Json) => {
    const reason = reasonIn(body);
    if (reason === null) return answer({ error: "reason must be a short text" }, 400);
    reasons.delete(reason);
    around.say(
      reasons.size > 0 ? `Still paused (${[...reasons].join(", ")})` : "Listening for the wake word",
    );
    return answer(state());
  };
  const systemReady = (body: Json) => {
    const id = typeof body.boot_id === "string" ? body.boot_id : null;
    if (id === null || id !== boot) around.say("Told that the whole system is ready");
    boot = id;
    // The loader speaks the greeting; a KWD that calls TTS by itself would say true here.
    return answer({ greets: false });
  };
  const warmUp = async () => {
    const begun = around.clock.now();
    await around.clock.sleep(25, around.signal);
    return answer({ ms: Math.round(around.clock.now() - begun) });
  };
  return serveVerbs(around, {
    "GET /control/state": () => answer({ ...state(), boot_id: boot }),
    "POST /control/pause": pause,
    "POST /control/resume": resume,
    "POST /control/system_ready": systemReady,
    "POST /control/warmup": warmUp,
  });
}

/** Whoever gives no reason is the user. */
function reasonIn(body: Json): string | null {
  const reason = body.reason ?? "user";
  return typeof reason === "string" && reason.length > 0 && reason.length <= 100 ? reason : null;
}
