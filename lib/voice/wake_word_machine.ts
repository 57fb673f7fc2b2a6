/**
 * The wake word's machine: when this boot greets, and when KWD is told to listen. Spec: §10, §14; CONTRACT §6.
 *
 * Two promises stand here and nowhere else: a boot greets at most once, and whenever KWD is up and the boot is decided,
 * the copy of it that runs was told to listen. `told` says which copy the last question went to: one that came up since
 * is `untold`, and is told as soon as nobody else is talking to it. A person's mute comes before: a copy that came up is
 * muted first, and told to listen then, so that it listens at once when the mute is taken back.
 *
 * - **to_come**     this boot has not greeted, and may yet.
 * - **wanted**      it shall, as soon as KWD is not being told something else.
 * - **under_way**   it is greeting; that ends with KWD told to listen.
 * - **over**        it has, or never will.
 */

export interface WakeWordState {
  greeting: "to_come" | "wanted" | "under_way" | "over";
  kwdUp: boolean;
  /** KWD's copy has not been told to listen, nor is it being told. */
  untold: boolean;
  /** It is being told something, outside the greeting. */
  telling: "listen" | "mute" | null;
  /** It accepted. */
  listening: boolean;
  /** A person wants it muted; and whether the copy that runs has accepted that. */
  muted: boolean;
  muteAccepted: boolean;
  /** The boot is decided: without a greeting to come, KWD shall listen. */
  decided: boolean;
  stopped: boolean;
}

export type WakeWordEvent =
  /** A copy of KWD is past its gate. */
  | { type: "kwd_up" }
  | { type: "kwd_down" }
  /** Everything is up: greet, if this boot has not. */
  | { type: "system_ready" }
  /** The boot ended without everything being up: nothing is spoken, and who can listen shall. */
  | { type: "degraded" }
  /** KWD was adopted: the assistant has greeted, or it is too late for that. */
  | { type: "adopted" }
  | { type: "greeting_over"; listening: boolean }
  | { type: "told"; listening: boolean }
  | { type: "mute" | "unmute" }
  /** The end of an effect of that name: the copy that was asked and still runs has accepted it, or never will. */
  | { type: "mute_over"; muted: boolean; answer: "accepted" | "gone" | "never" }
  | { type: "stop" };

/** What is to be done; the end of each comes back as an event. */
export type WakeWordEffect = "greet" | "listen" | "mute" | "unmute";

export const initialWakeWord: WakeWordState = {
  greeting: "to_come",
  kwdUp: false,
  untold: false,
  telling: null,
  listening: false,
  muted: false,
  muteAccepted: false,
  decided: false,
  stopped: false,
};

/** One step of the machine. Pure and total; an event that is late or double changes nothing. */
export function wakeWordStep(
  state: WakeWordState,
  event: WakeWordEvent,
): { state: WakeWordState; effect: WakeWordEffect | null } {
  return act(take(state, event));
}

function take(state: WakeWordState, event: WakeWordEvent): WakeWordState {
  switch (event.type) {
    case "kwd_up":
      return { ...state, kwdUp: true, untold: true, listening: false, muteAccepted: false };
    case "kwd_down":
      return { ...state, kwdUp: false, untold: false, listening: false, muteAccepted: false };
    case "system_ready":
      return { ...state, decided: true, greeting: state.greeting === "to_come" ? "wanted" : state.greeting };
    case "degraded":
      return { ...state, decided: true };
    case "adopted":
      return { ...state, greeting: state.greeting === "to_come" ? "over" : state.greeting };
    case "greeting_over":
      if (state.greeting !== "under_way") return state;
      return { ...state, greeting: "over", listening: accepted(state, event.listening) };
    case "told":
      if (state.telling !== "listen") return state;
      return { ...state, telling: null, listening: accepted(state, event.listening) };
    case "mute":
      return { ...state, muted: true };
    case "unmute":
      return { ...state, muted: false };
    case "mute_over": {
      const { muted, answer } = event;
      if (state.telling !== "mute") return state;
      if (answer === "accepted") return { ...state, telling: null, muteAccepted: muted };
      if (answer === "gone") return { ...state, telling: null };
      return { ...state, telling: null, muted: false, muteAccepted: false }; // nobody can know, and asking again is no use
    }
    case "stop":
      return { ...state, stopped: true };
  }
}

/** What a copy answered that is gone, or was replaced, says nothing about the one that runs. */
function accepted(state: WakeWordState, listening: boolean): boolean {
  return listening && state.kwdUp && !state.untold;
}

/** At most one conversation with KWD at a time. */
function act(state: WakeWordState): { state: WakeWordState; effect: WakeWordEffect | null } {
  if (state.stopped || state.telling || state.greeting === "under_way") return { state, effect: null };
  if (state.kwdUp && state.muted !== state.muteAccepted) {
    return { state: { ...state, telling: "mute" }, effect: state.muted ? "mute" : "unmute" };
  }
  if (state.greeting === "wanted") {
    return { state: { ...state, greeting: "under_way", untold: false }, effect: "greet" };
  }
  if (state.kwdUp && state.untold && state.decided) {
    return { state: { ...state, telling: "listen", untold: false }, effect: "listen" };
  }
  return { state, effect: null };
}
