/** Who holds a port that a service needs, and whether the loader may end it. Spec: §4; CONTRACT §8. */
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { bootIdVariable } from "../services/context.ts";
import { readSmallFile } from "../sys/files/files.ts";
import { findProgram, realPath } from "../sys/host.ts";
import { isPortFree } from "../sys/net/ports.ts";
import { listenerUsers } from "../sys/process/precheck.ts";
import { commandLine, describePid, environmentOf, unitOf, userOf } from "../sys/process/procfs.ts";
import { listenerPids } from "../sys/process/sockets.ts";
import { otherLoaderOf } from "./boot_owner.ts";

/** A port that cannot be had now. */
export interface BusyPort {
  port: number;
  services: ServicePlan[];
  /** Who listens there, as far as it may be seen; nobody: it is in the moment of being freed, or used without listening. */
  pids: number[];
  /** There is a listener whose process may not be seen. */
  foreign: boolean;
}

/** The ports that the plan's own services will bind, with these services. */
export function neededPorts(plan: BootPlan): Map<number, ServicePlan[]> {
  const needed = new Map<number, ServicePlan[]>();
  for (const service of plan.services) {
    if (service.manage !== "spawn") continue;
    const { bindPort: port } = service;
    if (port !== null) needed.set(port, [...needed.get(port) ?? [], service]);
  }
  return needed;
}

/** Looks at one port; null when it is free on every address that a local client would try. */
export function lookAtPort(port: number, services: ServicePlan[]): BusyPort | null {
  const free = isPortFree(port) && (isPortFree(port, "::1") || listenerUsers(port).length === 0);
  if (free) return null;
  const { pids, foreign } = listenerPids(port);
  // A low port may be refused to us and not to the service (capabilities): then the kernel's table has to do.
  if (port < 1024 && pids.length === 0 && !foreign) return null;
  return { port, services, pids, foreign };
}

/** How this boot knows its own. */
export interface Ownership {
  uid: number;
  killOrphans: "own" | "any" | "none";
  /** Never to be touched. */
  untouchable: ReadonlySet<number>;
  /** The argv that really runs. */
  resolve(argv: readonly string[]): string[];
  /** The loader's own PATH. */
  path: string;
}

/** Why the loader may end a process that listens on a port of `services`; null when it may not. */
export function rightToStop(
  pid: number,
  services: readonly ServicePlan[],
  o: Ownership,
): "configured command" | "any" | null {
  if (o.killOrphans === "none" || o.untouchable.has(pid) || userOf(pid) !== o.uid) return null;
  if (supervisor(pid) !== null) return null;
  if (services.some((service) => runsCommandOf(pid, service, o))) return "configured command";
  return o.killOrphans === "any" ? "any" : null;
}

function runsCommandOf(pid: number, service: ServicePlan, o: Ownership): boolean {
  const argv = commandLine(pid);
  const [program, ...args] = o.resolve(service.argv);
  if (program === undefined || argv.length !== args.length + 1) return false;
  if (!args.every((arg, i) => arg === argv[i + 1])) return false;
  const file = findProgram(program, service.workdir, service.env.PATH ?? o.path);
  return argv[0] === program || (file !== null && (argv[0] === file || argv[0] === realPath(file)));
}

/** Another loader that lives and looks after this process: nobody's orphan, and stopping it would be a fight. */
function supervisor(pid: number): number | null {
  const boot = environmentOf(pid, bootIdVariable);
  return boot === null ? null : otherLoaderOf(boot);
}

/** "5003 (llm)". */
export function namePort({ port, services }: Pick<BusyPort, "port" | "services">): string {
  return `${port} (${services.map((service) => service.name).join(", ")})`;
}

/** "pid 4711 (python x.py) of user eve, unit x.service"; "" when nobody is seen. */
export function describeHolders(busy: BusyPort): string {
  const holders = busy.pids.map((pid) => {
    const uid = userOf(pid), unit = unitOf(pid), loader = supervisor(pid);
    return describePid(pid) + (uid === null ? "" : ` of user ${userName(uid)}`) +
      (unit ? `, unit ${unit}` : "") +
      (loader !== null ? `, a service of the running alexa-loader pid ${loader}` : "");
  });
  if (busy.foreign) {
    const users = listenerUsers(busy.port).map(userName).join(" or ");
    holders.push(`a process${users && ` of user ${users}`} that this user may not look into`);
  }
  return holders.join(" and ");
}

/** "5003 (llm) is held by pid 4711 (python x.py) of user eve". */
export function describeBusy(busy: BusyPort): string {
  const holders = describeHolders(busy);
  return `${namePort(busy)} ` +
    (holders ? `is held by ${holders}` : "cannot be bound, although nobody is seen to listen there");
}

/** Name of a user of this machine, or the number where it has none. */
export function userName(uid: number): string {
  for (const line of readSmallFile("/etc/passwd")?.split("\n") ?? []) {
    const [name, , id] = line.split(":");
    if (name && id === String(uid)) return name;
  }
  return String(uid);
}
