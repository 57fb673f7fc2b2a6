/** Feeds the boot's machine with what becomes of the services, and performs its effects: its one writer. Spec: §1.2, §6. */
import type { Actual } from "../model/states.ts";
import { KwdService, type ManagedService } from "../services/mod.ts";
import { degradedText } from "../supervise/capabilities.ts";
import type { Supervisor } from "../supervise/supervisor.ts";
import type { Assembly } from "./assembly.ts";
import {
  type Boot,
  type BootEffect,
  type BootEvent,
  bootStep,
  initialBoot,
  type Look,
} from "./boot_machine.ts";

export class BootInterpreter {
  #made: Assembly;
  #boot: Boot = initialBoot;
  #onFailFast: (service: string) => void;

  /** `onFailFast`: a service was given up, and the configuration says that everything is to stop then. */
  constructor(made: Assembly, onFailFast: (service: string) => void) {
    this.#made = made;
    this.#onFailFast = onFailFast;
    made.onChange = (supervisor, from, to) => this.#onChange(supervisor, from, to);
  }

  get boot(): Boot {
    return this.#boot;
  }

  /** Where an earlier version of this program was. */
  goOn(boot: Boot): void {
    this.#boot = boot;
  }

  send(event: BootEvent): void {
    const from = this.#boot.phase;
    const { boot, effects } = bootStep(this.#boot, event);
    this.#boot = boot;
    if (boot.phase !== from) this.#made.events.emit({ fact: "loader_state", from, to: boot.phase });
    for (const effect of effects) this.#perform(effect);
  }

  /** Each service has had its turn. */
  sequenceOver(): void {
    this.send({ type: "sequence_over", look: this.#look() });
  }

  /** Who there is has changed. */
  lookAgain(): void {
    this.send({ type: "changed", look: this.#look() });
  }

  #onChange(supervisor: Supervisor<ManagedService>, from: Actual, to: Actual): void {
    const made = this.#made, { name } = supervisor;
    if (supervisor.service instanceof KwdService) {
      made.wakeWord?.send({ type: to === "up" ? "kwd_up" : "kwd_down" });
    }
    if (made.stopping.signal.aborted || supervisor.retired) return;
    if (to === "failed" && made.plan.failFast) return this.#onFailFast(name);
    if (!this.#boot.sequenceOver) return; // until then nobody is missed, and looking at hundreds would be felt
    // One that a person stops is not lost; one that a person starts again is missed until it is up.
    const missed = supervisor.isOff ? false : from === "up" || (from === "idle" && supervisor.wasOff);
    if (missed) this.send({ type: "lost", lost: { name, at: made.clock.now() } });
    if (to === "up" || supervisor.isLost || (supervisor.isOff && to === "idle")) this.lookAgain();
  }

  #look(): Look {
    const supervisors = this.#made.supervisors.filter((supervisor) => !supervisor.retired);
    return {
      allUp: supervisors.every((supervisor) => supervisor.isUp || supervisor.isOff),
      givenUp: supervisors.some((supervisor) => supervisor.isLost),
      text: degradedText(supervisors),
    };
  }

  #perform(effect: BootEffect): void {
    const made = this.#made, { metrics, clock, events, gpu, wakeWord } = made;
    switch (effect.do) {
      case "announce_ready":
        return events.emit({ fact: "system_ready", totalMs: metrics.recorder.ready() });
      case "announce_back": {
        const there = made.supervisors.filter(({ isOff, retired }) => !isOff && !retired).map(({ name }) =>
          name
        );
        const lost = effect.lost.filter(({ name }) => there.includes(name));
        const services = lost.map(({ name }) => name);
        const afterMs = clock.now() - Math.min(clock.now(), ...lost.map(({ at }) => at));
        return events.emit({ fact: "ready_again", services, afterMs });
      }
      case "tell_degraded":
        return events.emit({ fact: "degraded", text: effect.text });
      case "poll_gpu":
        return gpu?.startPolling();
      case "wake_word":
        if (effect.event === "system_ready" && wakeWord!.greeted) metrics.close("ready");
        return wakeWord?.send({ type: effect.event });
      case "close_record":
        return metrics.close("degraded");
    }
  }
}
