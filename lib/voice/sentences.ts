/** What the log says of the greeting: the observer that words its steps. Spec: §7, §10; CONTRACT §6. */
import type { Log } from "../log/mod.ts";
import type { GreetingStep, Observer } from "../model/events.ts";
import type { ServicePlan } from "../model/plan.ts";
import { seconds } from "../text.ts";

/** Words each step under the tag of the service that it is of. */
export function greetingSentences(log: Log, services: () => readonly ServicePlan[]): Observer {
  return (fact) => {
    if (fact.fact !== "greeting" && fact.fact !== "muted" && fact.fact !== "mute_refused") return;
    const tag = services().find(({ name }) => name === fact.service)?.tag ?? "LOADER";
    if (fact.fact === "muted") {
      return log.line(tag, "INFO", fact.muted ? "Muted: it does not listen until it is unmuted" : "Unmuted");
    }
    if (fact.fact === "mute_refused") {
      const what = fact.muted ? "Mute" : "Unmute";
      return log.line(tag, "WARNING", `${what} refused (${fact.detail}); asked until it is accepted`);
    }
    for (const line of linesOf(fact)) log.line(tag, isTrouble.has(fact.step) ? "WARNING" : "INFO", line);
  };
}

const isTrouble: ReadonlySet<GreetingStep["step"]> = new Set([
  "pause_refused",
  "no_control",
  "not_told",
  "failed",
  "not_heard",
  "over_budget",
  "resume_refused",
]);

function linesOf(step: GreetingStep): string[] {
  switch (step.step) {
    case "no_listener":
      return ["No service has the role kwd: greeting skipped, there is no wake word to enable"];
    case "begun":
      return [
        step.silentWhy === null
          ? "Received SYSTEM_READY; initiating post-boot greeting"
          : `Received SYSTEM_READY; ${step.silentWhy}, enabling wake-word detection`,
      ];
    case "pause_refused":
      return [`Pause before the greeting refused (${step.detail}); greeting all the same`];
    case "no_control":
      return [
        `Offers no control (${step.detail}): it cannot be paused for the greeting, nor be told to listen; see control in the configuration reference`,
      ];
    case "not_told":
      return [`SYSTEM_READY not accepted (${step.detail})`];
    case "by_kwd":
      return ["Greets by itself; watching"];
    case "speaking":
      return [`Speaking greeting: ${JSON.stringify(step.text)}`];
    case "ignored":
      return [`Ignored: ${step.detail}`];
    case "failed":
      return [`Greeting failed: ${step.detail}; enabling wake-word detection all the same`];
    case "finished":
      return [`Greeting finished in ${seconds(step.ms)}`];
    case "not_heard":
      return [
        `Greeting not heard: nobody says ${step.characters} characters in ${
          seconds(step.ms)
        }; is there a sound card, and is the end of the sound waited for?`,
      ];
    case "over_budget": {
      const figures = `${seconds(step.ms)} of ${seconds(step.budgetMs)}`;
      return [
        `Greeting took longer than its budget (${figures}, loader.post_boot_greeting.budget_ms); told once per text`,
      ];
    }
    case "resume_refused":
      return [`Resume refused (${step.detail}); repeating until it is accepted`];
    case "not_known":
      return ["Whether it listens is not known: it cannot be told to, nor asked"];
    case "listening":
      return step.guardMs === 0 ? ["Wake-word detection enabled; READY FOR WAKE WORD"] : [
        `Resume wake-word detection after ${Math.round(step.afterMs)}ms`,
        `Wake-word detection enabled (resume after ${step.guardMs} ms guard); READY FOR WAKE WORD`,
      ];
  }
}
