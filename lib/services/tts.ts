/** The speech service: it speaks, and says when the sound has ended. Spec: §10, §12; CONTRACT §5. */
import { type AskOptions, noControl, type SpeakAnswer } from "../controls/answers.ts";
import { kindOf } from "../controls/kinds.ts";
import { ManagedService } from "./managed_service.ts";

export class TtsService extends ManagedService {
  /**
   * Speaks `text`. Resolves when the sound has ended or, with `accepted`, when it will be told at `finishedUrl`.
   * Never rejects, except with the signal's reason.
   */
  async speak(text: string, tag: string, o: AskOptions & { finishedUrl?: string }): Promise<SpeakAnswer> {
    const { control } = this.plan;
    const { finishedUrl, ...ask } = o;
    const speech = { text, tag, finishedUrl };
    return await kindOf(control).speak?.(control, speech, { ...ask, ...this.means }) ?? noControl;
  }
}
