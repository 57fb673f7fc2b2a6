/** What the log says of a service's facts: the observer that words them. Spec: §7, §13; CONTRACT §9. */
import type { Log, LogLevel } from "../log/mod.ts";
import type { Observer, ServiceFact } from "../model/events.ts";
import type { ServicePlan } from "../model/plan.ts";
import type { PrepareReport, StopReport, WarmupResult } from "../model/reports.ts";
import { seconds, timeOfDay } from "../text.ts";
import { faultText, verdictText } from "./wording.ts";

/** Words of services change: so many kinds of trouble are told of one absence. */
const toldWhileAway = 16;

/** Words the facts of the services, each under its own tag. `services`: as they are planned now. */
export function sentences(log: Log, services: () => readonly ServicePlan[]): Observer {
  const of = new Map<string, Sentences>();
  const learn = () => {
    for (const plan of services()) {
      const known = of.get(plan.name);
      if (known) known.plan = plan;
      else of.set(plan.name, new Sentences(log, plan));
    }
  };
  learn();
  return (fact) => {
    if (fact.fact === "reloaded") learn();
    if ("service" in fact && fact.service !== null && fact.fact !== "greeting") {
      of.get(fact.service)?.tell(fact);
    }
  };
}

class Sentences {
  #log: Log;
  plan: ServicePlan;
  /** What was told of this absence already: it may last for days. */
  #awayTold = new Set<string>();

  constructor(log: Log, plan: ServicePlan) {
    this.#log = log;
    this.plan = plan;
  }

  tell(fact: ServiceFact): void {
    switch (fact.fact) {
      case "adopted":
        return this.#info(`Adopted (pid ${fact.pid}, of boot ${fact.boot.slice(0, 4)})`);
      case "not_adopted":
        return this.#warn(`Not adopted: pid ${fact.pid} ${fact.why}; stopping it`);
      case "wake_sent":
        return fact.failed === null
          ? this.#info(
            `Its machine does not answer: magic packet for ${fact.mac} sent, waiting up to ${
              seconds(fact.waitMs)
            }`,
          )
          : this.#warn(
            `Its machine does not answer, and no magic packet can be sent: ${fact.failed} (wake_on_lan)`,
          );
      case "restart_wanted":
        return this.#info("Restarting (requested)");
      case "bound_early":
        return this.#warn(
          `Bound port ${this.plan.bindPort} before its turn, against the contract of standby`,
        );
      case "started":
        return this.#info(
          fact.pid === null
            ? "Watching (external)"
            : `Starting (pid ${fact.pid})${fact.released ? ", was standing by" : ""}`,
        );
      case "waiting": {
        const [waited, limit] = [fact.waitedMs, fact.limitMs].map((ms) => Math.round(ms / 1000));
        const missing = fact.missing === null ? "" : `${fact.missing}; `;
        return this.#info(
          `Waiting: ${waited} s of ${limit} s, ${missing}last output: ${fact.lastOutput ?? "none"}`,
        );
      }
      case "wrong":
        if (fact.detail === null || fact.again) return;
        return this.#warn(`Not ready, and waiting will not mend it: ${fact.detail}`);
      case "ready":
        return this.#info(`Ready in ${seconds(fact.ms)}`);
      case "prepared":
        return this.#prepared(fact.report);
      case "no_warmup":
        return this.#warn(`No warm-up: ${fact.why}`);
      case "warmup":
        return this.#warmup(fact.result, fact.required);
      case "cold":
        return this.#say(fact.again ? "DEBUG" : "WARNING", `${fact.why}; warming it again`);
      case "warmed_again":
        return fact.result.state === "warmed"
          ? this.#say(fact.again ? "DEBUG" : "INFO", `Warmed again in ${seconds(fact.result.ms)}`)
          : this.#say(fact.again ? "DEBUG" : "WARNING", `Could not be warmed again: ${fact.result.detail}`);
      case "busy":
        return this.#warn(`Does not answer its health check, but works: ${fact.why}`);
      case "unasked":
        return this.#warn(`Cannot be asked for its health: ${fact.why}; it is left as it is`);
      case "fault":
        return this.#fault(fact);
      case "back":
        this.#awayTold.clear();
        return this.#info(`Back after ${seconds(fact.awayMs)}`);
      case "stopped":
        return this.#stopped(fact.report, fact.known);
    }
  }

  #prepared({ kind, ms, bytes, problem }: PrepareReport): void {
    const what = kind === "standby" ? "Prepared, standing by" : "Files prepared";
    const size = bytes === null ? "" : `, ${Math.round(bytes / 2 ** 20)} MiB`;
    this.#say(
      problem ? "WARNING" : "INFO",
      `${what} (${seconds(ms)}${size})${problem ? `; ${problem}` : ""}`,
    );
  }

  /** One that fails and is required is a fault, and told as that. */
  #warmup(result: WarmupResult, required: boolean): void {
    if (result.state === "warmed") {
      this.#info(`Warmed in ${seconds(result.ms)}${result.detail ? ` (${result.detail})` : ""}`);
    } else if (result.state === "not_offered") {
      this.#warn(`Warm-up not offered: ${result.detail}; ${result.hint}`);
    } else if (!required) {
      this.#warn(`Warm-up failed: ${result.detail}; it is not required, going on`);
    }
  }

  #fault({ fault, verdict, awaySince }: Extract<ServiceFact, { fact: "fault" }>): void {
    const what = faultText(fault);
    if (verdict.kind === "look_again") {
      if (awaySince === null || this.#awayTold.has(what) || this.#awayTold.size >= toldWhileAway) return;
      this.#awayTold.add(what);
      return this.#warn(`${what}; away since ${timeOfDay(awaySince)}, looking again`);
    }
    const follows = verdictText(verdict);
    const level = verdict.kind === "give_up" ? "ERROR" : "WARNING";
    this.#say(level, follows ? `${what}; ${follows}` : what);
    const lines = "lastLines" in fault && (fault.kind !== "exited" || fault.beforeReady)
      ? fault.lastLines
      : [];
    for (const line of lines) this.#say(level, `Last output: ${line}`);
  }

  #stopped({ ms, how, killed, left }: StopReport, known: boolean): void {
    if (!known) {
      const why = killed ? `${how ?? "SIGKILL"} after ${seconds(this.plan.graceMs)} of grace` : how;
      this.#say(killed ? "WARNING" : "INFO", `Stopped in ${seconds(ms)} (${why})`);
    }
    for (const who of left) this.#say("ERROR", `In the way: ${who}`);
  }

  #info(message: string): void {
    this.#say("INFO", message);
  }

  #warn(message: string): void {
    this.#say("WARNING", message);
  }

  #say(level: LogLevel, message: string): void {
    this.#log.line(this.plan.tag, level, message);
  }
}
