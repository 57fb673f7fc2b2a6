/** What `status` tells of the loader. Spec: §12. */
import type { LoaderStatus } from "../model/status.ts";
import { canTalk } from "../model/talk.ts";
import { offers } from "../controls/kinds.ts";
import { capabilities, degradedText } from "../supervise/capabilities.ts";
import { plannedStatus, serviceStatus } from "../supervise/status_of.ts";
import { ownPid } from "../sys/host.ts";
import { version } from "../version.ts";
import type { Assembly } from "./assembly.ts";
import type { Boot } from "./boot_machine.ts";

/** `doing`: what the precheck is at, in words. */
export function loaderStatus(made: Assembly, boot: Boot, doing: string | null): LoaderStatus {
  const { plan, supervisors, gpu, wakeWord } = made;
  const now = made.clock.now();
  // A KWD that has no control for it listens or not, and nobody can know.
  const kwd = plan.services.find((service) => service.role === "kwd");
  const knowsListening = kwd === undefined || offers(kwd.control, "resume");
  const status = {
    state: boot.phase,
    doing: boot.phase === "PRECHECK" ? doing : null,
    boot: made.bootId,
    version,
    pid: ownPid,
    instance: plan.instance,
    config: plan.configPath,
    log_dir: plan.dirs.log,
    up_sec: Math.round((now - made.startedAt) / 100) / 10,
    total_boot_ms: made.metrics.recorder.totalMs,
    capabilities: capabilities(supervisors),
    degraded: boot.sequenceOver ? degradedText(supervisors) : null,
    greeting: wakeWord?.outcome ?? "none",
    listening: knowsListening ? wakeWord?.listening ?? false : null,
    muted: wakeWord?.muted ?? false,
    services: supervisors.length > 0
      ? supervisors.map((supervisor) => serviceStatus(supervisor, now, gpu))
      : plan.services.map(plannedStatus),
    gpu: gpu?.summary() ?? null,
  };
  return { talk: canTalk(status), ...status };
}
