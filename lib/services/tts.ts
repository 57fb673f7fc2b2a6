/** The speech service: it speaks, and says when the sound has ended. Spec: §10, §12; CONTRACT §5. */
import { type AskOptions, type ControlAnswer, noControl, postVerb, runVerb } from "./control.ts";
import { ManagedService } from "./managed_service.ts";

export type SpeakAnswer =
  /** The sound has ended. `spokenMs` as it told; null if it did not. */
  | { state: "finished"; spokenMs: number | null }
  /** It will tell at the finished URL. */
  | { state: "accepted" }
  | Exclude<ControlAnswer, { state: "ok" }>;

export class TtsService extends ManagedService {
  /**
   * Speaks `text`. Resolves when the sound has ended or, with `accepted`, when it will be told at `finishedUrl`.
   * Never rejects, except with the signal's reason.
   */
  async speak(text: string, tag: string, o: AskOptions & { finishedUrl?: string }): Promise<SpeakAnswer> {
    const { control } = this.plan;
    const { finishedUrl, ...ask } = o;
    if (control.kind === "none") return noControl;
    if (control.kind === "command") {
      if (!control.speak) return noControl;
      const answer = await runVerb(control.speak, { text, tag }, { ...ask, run: this.run });
      return answer.state === "ok" ? { state: "finished", spokenMs: null } : answer;
    }
    const answer = await postVerb(
      control.url,
      "speak",
      { text, tag, play: true, finished_url: finishedUrl },
      ask,
    );
    if (answer.state !== "ok") return answer;
    if (answer.status === 202) return { state: "accepted" };
    if (answer.body.finished === false) {
      return { state: "failed", detail: "/control/speak answered finished: false" };
    }
    const ms = answer.body.spoken_ms;
    return { state: "finished", spokenMs: typeof ms === "number" && Number.isFinite(ms) ? ms : null };
  }
}
