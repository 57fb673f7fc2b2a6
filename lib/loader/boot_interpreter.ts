/** Feeds the boot's machine with what becomes of the services, and performs its effects: its one writer. Spec: §1.2, §6. */
import type { Actual } from "../model/states.ts";
import { KwdService, type ManagedService } from "../services/mod.ts";
import { degradedText } from "../supervise/capabilities.ts";
import type { Unit } from "../supervise/supervisor.ts";
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
    made.onChange = (unit, from, to) => this.#onChange(unit, from, to);
  }

  get boot(): Boot {
    return this.#boot;
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

  #onChange(unit: Unit<ManagedService>, from: Actual, to: Actual): void {
    const made = this.#made, { name } = unit;
    if (unit.service instanceof KwdService) {
      made.wakeWord?.send({ type: to === "up" ? "kwd_up" : "kwd_down" });
    }
    if (made.stopping.signal.aborted) return;
    if (to === "failed" && made.plan.failFast) return this.#onFailFast(name);
    if (!this.#boot.sequenceOver) return; // until then nobody is missed, and looking at hundreds would be felt
    if (from === "up") this.send({ type: "lost", lost: { name, at: made.clock.now() } });
    if (to === "up" || unit.isLost) this.send({ type: "changed", look: this.#look() });
  }

  #look(): Look {
    const { units } = this.#made;
    return {
      allUp: units.every((unit) => unit.isUp),
      givenUp: units.some((unit) => unit.isLost),
      text: degradedText(units),
    };
  }

  #perform(effect: BootEffect): void {
    const { book, clock, events, gpu, wakeWord } = this.#made;
    switch (effect.do) {
      case "announce_ready":
        return events.emit({ fact: "system_ready", totalMs: book.recorder.ready() });
      case "announce_back": {
        const services = effect.lost.map(({ name }) => name);
        const afterMs = clock.now() - Math.min(...effect.lost.map(({ at }) => at));
        return events.emit({ fact: "ready_again", services, afterMs });
      }
      case "tell_degraded":
        return events.emit({ fact: "degraded", text: effect.text });
      case "poll_gpu":
        return gpu?.startPolling();
      case "wake_word":
        if (effect.event === "system_ready" && wakeWord!.greeted) book.close("ready");
        return wakeWord?.send({ type: effect.event });
      case "close_record":
        return book.close("degraded");
    }
  }
}
