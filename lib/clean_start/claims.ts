/**
 * What a loader holds against every other loader of this machine as long as it lives, whatever their configurations,
 * names and folders: the boots it looks after, and its ports. Spec: §4; CONTRACT §8.
 *
 * A claimed port stands before its service listens and while that restarts, so of loaders that start in the same moment
 * one gets the ports, and two never fight for them.
 */
import { LoaderError, reasonOf } from "../errors.ts";
import type { ServicePlan } from "../model/plan.ts";
import { claim, claimants, type KeptClaim, keptClaim } from "../sys/process/claim.ts";
import { describePid } from "../sys/process/procfs.ts";
import { bootClaim } from "./boot_owner.ts";
import type { HygieneLog } from "./leftovers.ts";
import { namePort } from "./port_owner.ts";

export class Claims implements Disposable {
  #log: HygieneLog;
  #held = new Map<string, Disposable>();
  #impossible = false;

  constructor(log: HygieneLog) {
    this.#log = log;
  }

  /** From now on we look after what this boot has started, unless another loader does. */
  boot(bootId: string): void {
    this.#take(bootClaim(bootId));
  }

  /** Takes all these ports, or none more. @throws LoaderError `port_busy` that names the loader that has them. */
  ports(needed: ReadonlyMap<number, ServicePlan[]>): void {
    // In one order: whoever has the highest port of those that several want gets all of its own.
    const wanted = [...needed.keys()].sort((a, b) => a - b).filter((port) =>
      !this.#held.has(portClaim(port))
    );
    for (const [i, port] of wanted.entries()) {
      if (this.#take(portClaim(port))) continue;
      this.#letGo(wanted.slice(0, i).map(portClaim));
      throw portsClaimed(needed);
    }
  }

  /** Gives back all other ports. */
  onlyPorts(needed: ReadonlySet<number>): void {
    const kept = new Set([...needed].map(portClaim));
    this.#letGo([...this.#held.keys()].filter((name) => name.startsWith(portClaim("")) && !kept.has(name)));
  }

  #letGo(names: Iterable<string>): void {
    for (const name of names) {
      this.#held.get(name)?.[Symbol.dispose]();
      this.#held.delete(name);
    }
  }

  /** What an earlier version of this program held and left open. */
  goOn(claims: readonly KeptClaim[]): void {
    for (const { name, fd } of claims) this.#held.set(name, keptClaim(fd));
  }

  #take(name: string): boolean {
    if (this.#impossible) return true;
    try {
      const held = claim(name);
      if (held) this.#held.set(name, held);
      return held !== null;
    } catch (error) {
      this.#impossible = true; // a sandbox without such sockets: the ports themselves are looked at all the same
      this.#log.warning("LOADER", `Nothing can be claimed against other loaders here (${reasonOf(error)})`);
      return true;
    }
  }

  [Symbol.dispose](): void {
    this.#letGo([...this.#held.keys()]);
  }
}

const portClaim = (port: number | "") => `port/${port}`;

function portsClaimed(needed: ReadonlyMap<number, ServicePlan[]>): LoaderError {
  const owners = new Set<number>();
  const ports: string[] = [];
  for (const [port, services] of needed) {
    const pids = claimants(portClaim(port));
    if (pids === null) continue;
    ports.push(namePort({ port, services }));
    for (const pid of pids) owners.add(pid);
  }
  const who = owners.size > 0
    ? `the running alexa-loader ${[...owners].map(describePid).join(" and ")}`
    : "a running alexa-loader that this user may not look into";
  const stop = owners.size > 0 ? `stop it with \`kill ${[...owners].join(" ")}\`, or ` : "";
  return new LoaderError(
    "port_busy",
    `${ports.length === 1 ? "port" : "ports"} ${ports.join(", ")} ${
      ports.length === 1 ? "belongs" : "belong"
    } to ${who}`,
    {
      hint: `${stop}give this one ports of its own`,
    },
  );
}
