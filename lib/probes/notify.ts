/** Ready when the service sent READY=1 to its NOTIFY_SOCKET. Push: nobody polls. Spec: §6; CONTRACT §2. */
import { probeKind } from "./kind.ts";
import { ready, waiting } from "./results.ts";

export const notify = probeKind({
  type: "notify",
  schema: ({ z }) =>
    z.strictObject({
      type: z.literal("notify").describe("Ready when the service sends `READY=1` to `NOTIFY_SOCKET`"),
    }),
  hears: "READY=1",
  plan: () => ({}),
  describe: () => "notify READY=1",
  create: (_spec, target) => ({
    onReady: (fn) => target.onNotifyReady(fn),
    async check({ signal }) {
      signal.throwIfAborted();
      return target.notifiedReady ? ready("READY=1") : waiting("no READY=1 yet");
    },
  }),
});
