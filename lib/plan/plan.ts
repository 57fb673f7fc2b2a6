/** LoaderConfig + facts of this machine -> BootPlan. Spec: §2, §3, §9. Pure. */
import { parseTarget } from "../address.ts";
import type { LoadedConfig } from "../config/load.ts";
import { instanceName, planDirs } from "./dirs.ts";
import type { PlanFacts } from "./facts.ts";
import { resolveArgv, resolvePath } from "./paths.ts";
import { planReceiver } from "./receiver.ts";
import { planService } from "./service.ts";
import type { BootPlan } from "../model/plan.ts";

/** The whole boot as data. Never fails: `parseConfig` has refused what cannot be planned. */
export function planBoot(loaded: LoadedConfig, facts: PlanFacts): BootPlan {
  const { loader } = loaded.config;
  const instance = instanceName(loaded.config, facts);
  const services = loader.startup_sequence.map((name) => planService(loaded, name, facts));
  const { port_hygiene: hygiene, post_boot_greeting: greeting } = loader;
  const fromConfig = (path: string) => resolvePath(facts.configDir, path);
  return {
    instance,
    configPath: facts.configPath,
    services,
    stopOrder: [...loader.shutdown_sequence],
    pollMaxMs: loader.readiness_poll_ms,
    lookahead: loader.prepare.lookahead === "all" ? services.length : loader.prepare.lookahead,
    prewarm: {
      enabled: loader.prewarm_next_service,
      files: loader.io_prewarm.enable_memmap,
      tokenizers: loader.io_prewarm.pre_touch_tokenizers,
    },
    greeting: {
      enabled: greeting.enabled,
      text: greeting.text,
      pauseDuringTts: greeting.kwd_pause_during_tts,
      resumeAfterMs: greeting.kwd_resume_after_tts_ms,
      timeoutMs: greeting.timeout_sec === undefined ? greetingMs(greeting.text) : greeting.timeout_sec * 1000,
      budgetMs: greeting.budget_ms,
      outputLatencyMs: loaded.given.has("loader.post_boot_greeting.output_latency_ms")
        ? greeting.output_latency_ms
        : facts.outputLatencyMs ?? greeting.output_latency_ms,
    },
    selftest: planSelftest(loader.selftest, facts),
    failFast: loader.fail_fast_on_repeated_failures,
    hygiene: {
      enabled: hygiene.enabled,
      ports: Object.fromEntries(
        services.flatMap(({ name, bindPort }) => bindPort === null ? [] : [[name, bindPort]]),
      ),
      unixSockets: hygiene.unix_sockets.map(fromConfig),
      pidFiles: hygiene.pid_files.map(fromConfig),
      killOrphans: hygiene.kill_orphans === "any" ? "any" : hygiene.kill_orphans ? "own" : "none",
    },
    shutdown: {
      graceMs: loader.graceful_shutdown.per_service_grace_sec * 1000,
      budgetMs: loader.graceful_shutdown.kill_after_sec * 1000,
    },
    onLoaderDeath: loader.on_loader_death,
    gpu: {
      index: loader.gpu_index,
      pollMs: loader.vram_poll_interval_sec * 1000,
      deltasOnly: loader.vram_log_deltas_only,
      waitMs: loader.wait_for_gpu_sec * 1000,
      onShort: loader.on_vram_short,
    },
    notify: loader.notify.map((receiver) => planReceiver(receiver, fromConfig, facts.configDir)),
    dashboard: loader.dashboard
      ? {
        ...parseTarget(loader.dashboard.listen)!,
        hosts: loader.dashboard.hosts,
        prefix: loader.dashboard.prefix,
      }
      : null,
    remote: loader.control
      ? {
        ...parseTarget(loader.control.listen)!,
        tokenFile: fromConfig(loader.control.token_file),
        tls: loader.control.cert_file === undefined
          ? null
          : { certFile: fromConfig(loader.control.cert_file), keyFile: fromConfig(loader.control.key_file!) },
      }
      : null,
    dirs: planDirs(loaded, facts, instance),
    log: {
      rotateBytes: Math.round(loader.log.rotate_mb * 1024 * 1024),
      keep: loader.log.keep,
      combined: loader.log.combined,
      childOutput: loader.log.child_output,
    },
    warnings: loaded.warnings.map(({ line, column, message, hint }) =>
      `${loaded.path}:${line}:${column}: ${message}${hint === null ? "" : ` (${hint})`}`
    ),
  };
}

function planSelftest(
  { at_boot, player, recorder, room }: LoadedConfig["config"]["loader"]["selftest"],
  { configDir }: PlanFacts,
): BootPlan["selftest"] {
  const argv = (words: string[] | undefined) => words ? resolveArgv(configDir, words) : null;
  return {
    atBoot: at_boot,
    player: argv(player),
    recorder: argv(recorder),
    room: room === undefined ? null : parseTarget(room),
  };
}

/** The watchdog of a greeting where nobody set one: a slow voice needs some 70 ms a character, and time to begin. */
function greetingMs(text: string): number {
  return Math.max(5000, 2000 + 100 * [...text].length);
}
