/** Who is told what broke: an entry of `loader.notify`. Spec: §12. Pure. */
import type { LoaderConfig } from "../config/schema.ts";
import type { ReceiverPlan } from "../model/plan.ts";
import { resolveArgv } from "./paths.ts";

type Receiver = LoaderConfig["loader"]["notify"][number];

/** `rules.ts` has seen to it that it is exactly one of them. */
export function planReceiver(
  { ntfy, webhook, exec, dead_man, quiet_hours }: Receiver,
  fromConfig: (path: string) => string,
  configDir: string,
): ReceiverPlan {
  const file = (path: string | undefined) => path === undefined ? null : fromConfig(path);
  const to: ReceiverPlan["to"] = ntfy
    ? { kind: "ntfy", url: ntfy.url, topicSecret: ntfy.topic, tokenFile: file(ntfy.token_file) }
    : webhook
    ? { kind: "webhook", urlSecret: webhook.url, tokenFile: file(webhook.token_file) }
    : dead_man
    ? { kind: "dead_man", urlSecret: dead_man.url, everyMs: dead_man.every_sec * 1000 }
    : { kind: "exec", argv: resolveArgv(configDir, exec ?? []) };
  const [from = 0, end = 0] = (quiet_hours ?? "").split("-").map((time) => {
    const [hours = 0, minutes = 0] = time.split(":").map(Number);
    return hours * 60 + minutes;
  });
  return { to, quiet: quiet_hours === undefined ? null : { from, to: end } };
}
