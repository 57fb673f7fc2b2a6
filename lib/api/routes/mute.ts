/** The wake word, muted by a person. */
import { type Asked, notOffered, type Route, route } from "../route.ts";

export const mute = muting("mute", "Mute the wake word; it stays muted when KWD crashes or is restarted");
export const unmute = muting("unmute", "Take the mute back");

interface Muted {
  muted: boolean;
  accepted: boolean;
}

function muting(verb: "mute" | "unmute", summary: string): Route<unknown, Muted> {
  const muted = verb === "mute";
  return route({
    method: "POST",
    path: `/v1/${verb}`,
    summary,
    answer: (z) =>
      z.looseObject({
        muted: z.boolean(),
        accepted: z.boolean().meta({
          description: "by the KWD that runs; false: none runs, the next one is told",
        }),
      }),
    lasts: true,
    refuses: { 409: "there is nobody who could be muted, or not now", 501: "not offered" },
    async handle({ target, log }: Asked<unknown>) {
      if (!target.mute) return notOffered("this loader cannot mute");
      log(`${muted ? "Mute" : "Unmute"} requested on the control socket`);
      return { muted, accepted: await target.mute(muted) };
    },
  });
}
