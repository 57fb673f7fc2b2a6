/** The wake word service: what the greeting needs of it beyond every other service. Spec: §10, §12; CONTRACT §5. */
import { type AskOptions, type ControlAnswer, noControl } from "../controls/answers.ts";
import { kindOf } from "../controls/kinds.ts";
import type { GreetingPlan } from "../model/plan.ts";
import { type KeptService, ManagedService } from "./managed_service.ts";
import type { AdoptedRecord } from "./service_process.ts";

/** The reason under which the loader pauses the wake word. Other reasons (a person's mute) are never touched. */
export const greetingReason = "boot_greeting";

/** The reason of {@link KwdService.pause} when a person mutes it through us. */
export const muteReason = "loader_mute";

export class KwdService extends ManagedService {
  /** Reasons of others under which it was paused when it last told: a mute that a restart must not lift. */
  #foreignReasons: string[] = [];
  /** Our own, while they hold. */
  #held = new Set<string>();

  /** A copy of it has come up: of ours it knows nothing yet. */
  forgetHeld(): void {
    this.#held.clear();
  }

  /** Detections stop, audio keeps flowing. */
  pause(o: AskOptions, reason: string = greetingReason): Promise<ControlAnswer> {
    return this.#ask("pause", reason, o);
  }

  /** Takes our reason back; the detector is reset. It listens again unless somebody else muted it. */
  resume(o: AskOptions, reason: string = greetingReason): Promise<ControlAnswer> {
    return this.#ask("resume", reason, o);
  }

  /** Mutes a fresh copy again for the reasons that the last one told us of. */
  async restoreMutes(o: AskOptions): Promise<void> {
    for (const reason of [...this.#foreignReasons]) await this.pause(o, reason);
  }

  override get kept(): KeptService {
    return { ...super.kept, mutes: this.#foreignReasons, held: [...this.#held] };
  }

  override goOn(kept: KeptService, recorded: AdoptedRecord | undefined): void {
    super.goOn(kept, recorded);
    this.#foreignReasons = kept.mutes ?? [];
    for (const reason of kept.held ?? []) this.#held.add(reason);
  }

  async #ask(verb: "pause" | "resume", reason: string, o: AskOptions): Promise<ControlAnswer> {
    const { control } = this.plan;
    const answer = await kindOf(control).mute?.(control, verb, reason, {
      ...o,
      ...this.means,
      others: [...this.#foreignReasons, ...this.#held].filter((other) => other !== reason),
      held: this.#held.size > 0,
    }) ?? noControl;
    if (answer.state === "ok" && verb === "resume") this.#held.delete(reason);
    if (answer.state === "ok" && verb === "pause" && !this.#foreignReasons.includes(reason)) {
      this.#held.add(reason);
    }
    if (answer.state === "ok" && Array.isArray(answer.body.reasons)) {
      this.#foreignReasons = answer.body.reasons.filter((r): r is string =>
        typeof r === "string" && r !== greetingReason && r !== muteReason && !this.#held.has(r)
      )
        .slice(0, 16);
    }
    return answer;
  }

  /** Tells it SYSTEM_READY, once per boot. `greets`: it calls TTS and resumes by itself, the loader only watches. */
  async onSystemReady(
    greeting: GreetingPlan,
    o: AskOptions,
  ): Promise<{ greets: boolean; answer: ControlAnswer }> {
    const { control } = this.plan;
    const body = {
      boot_id: this.context.bootId,
      greeting: {
        enabled: greeting.enabled,
        text: greeting.text,
        kwd_pause_during_tts: greeting.pauseDuringTts,
        kwd_resume_after_tts_ms: greeting.resumeAfterMs,
      },
      echo_cancellation: "keep",
    };
    const answer = await kindOf(control).systemReady?.(control, body, { ...o, ...this.means }) ?? noControl;
    return { greets: answer.state === "ok" && answer.body.greets === true, answer };
  }
}
