/**
 * The observer that has the assistant prove that it works, once a boot, where `loader.selftest` wants it: after the
 * greeting, when the wake word is on. Nobody waits for it, and nothing of it is loaded before. Spec: §10, §13.
 */
import type { Observer } from "../model/events.ts";
import { seconds } from "../text.ts";
import type { Observed } from "./observed.ts";

export function bootSelftest(boot: Observed): Observer {
  const { log, clock, bootId, stopping: { signal } } = boot;
  let work = Promise.resolve();
  boot.held.defer(() => work);

  async function test(): Promise<void> {
    const { testAndKeep } = await import("./selftest.ts");
    const { report, usual, warnings } = await testAndKeep(boot.plan, { boot: bootId, clock, signal });
    for (const warning of warnings) log.warning("LOADER", warning);
    for (const { verdict, text } of report.stages) {
      if (verdict === "failed") log.warning("LOADER", `Self-test: ${text}`);
    }
    const seen = report.stages.filter(({ verdict }) => verdict === "right").map(({ text }) => text);
    if (seen.length === 0) return log.info("LOADER", "Self-test: nothing was seen to work; see `selftest`");
    const { first_audio_ms: ms } = report, { first_audio_ms: p95 } = usual;
    const estimate = ms === null
      ? ""
      : `; an answer begins after about ${seconds(ms)}${p95 === null ? "" : ` (p95: ${seconds(p95)})`}`;
    log.info("LOADER", `Self-test: ${seen.join(", ")}${estimate}`);
  }

  return (fact) => {
    if (fact.fact !== "greeted" || fact.report.outcome === "aborted" || !boot.plan.selftest.atBoot) return;
    work = test().catch((error) => {
      if (!signal.aborted) log.warning("LOADER", `Self-test: it could not be made: ${error}`);
    });
  };
}
