/** Who holds the services' ports, who can reach what is open, and what lies between. */
import {
  type BusyPort,
  describeHolders,
  lookAtPort,
  neededPorts,
  rightToStop,
} from "../../clean_start/port_owner.ts";
import type { BootPlan, ServicePlan } from "../../model/plan.ts";
import { portOf } from "../../probes/kinds.ts";
import { isObject, parseJson } from "../../shape.ts";
import { userId } from "../../sys/host.ts";
import { isPublicIpv4, ownAddresses } from "../../sys/net/addresses.ts";
import { httpRequest } from "../../sys/net/http.ts";
import { listeners } from "../../sys/process/precheck.ts";
import { unitOf } from "../../sys/process/procfs.ts";
import { listenerPids } from "../../sys/process/sockets.ts";
import { resolveDemo } from "../../sys/self.ts";
import type { NetFacts } from "../facts.ts";
import { kernelText, type Looking } from "./looking.ts";

type Env = Readonly<Record<string, string | undefined>>;

const askMs = 700;
const ollamaPort = 11_434;
const anyAddress = new Set(["0.0.0.0", "::"]);

interface Context {
  plan: BootPlan | null;
  /** A loader runs: ports are only looked at, since to try one is to take it from a service that comes up. */
  running: boolean;
  /** Process trees of the services that run. */
  trees: ReadonlyMap<string, ReadonlySet<number>>;
  env: Env;
}

export async function lookAtNet(looking: Looking, o: Context): Promise<NetFacts> {
  const [held, open, addresses] = await Promise.all([
    looking.ask("ports", [], () => heldPorts(o)),
    looking.ask("open servers", [], () => openServers(looking, o.plan)),
    looking.ask("addresses", null, ownAddresses),
  ]);
  return {
    loopback: addresses === null || addresses.includes("127.0.0.1"),
    publicAddresses: addresses?.filter(isPublicIpv4) ?? [],
    held,
    open,
    proxy: proxyOf(o.env),
  };
}

/** What stands in the way of a boot: not our own services, nor what a boot would clear away itself. */
function heldPorts({ plan, running, trees, env }: Context): NetFacts["held"] {
  if (plan === null) return [];
  const ownership = {
    uid: userId(),
    killOrphans: plan.hygiene.killOrphans,
    untouchable: new Set<number>(),
    resolve: resolveDemo,
    path: env.PATH ?? "",
  };
  return [...neededPorts(plan)].flatMap(([port, services]) => {
    const busy = running ? listenersAt(port, services) : lookAtPort(port, services);
    const ours = services.some(({ name }) => {
      const tree = trees.get(name);
      return tree && (busy?.pids.length === 0 || busy?.pids.some((pid) => tree.has(pid)));
    });
    if (busy === null || ours) return [];
    const [pid = null] = busy.pids;
    if (busy.pids.length > 0 && busy.pids.every((pid) => rightToStop(pid, services, ownership))) return [];
    const unit = pid === null ? null : unitOf(pid);
    const holder = describeHolders(busy), names = services.map(({ name }) => name);
    return [{
      port,
      services: names,
      holder,
      pid,
      unit: pid !== null && unit?.endsWith(".service") && !unit.startsWith("user@")
        ? { name: unit, user: kernelText(`/proc/${pid}/cgroup`).includes("/user@") }
        : null,
    }];
  });
}

function listenersAt(port: number, services: ServicePlan[]): BusyPort | null {
  const { pids, foreign } = listenerPids(port);
  return pids.length === 0 && !foreign ? null : { port, services, pids, foreign };
}

/** Model servers on all addresses that take a question without a key. */
async function openServers({ signal }: Looking, plan: BootPlan | null): Promise<NetFacts["open"]> {
  const configured = plan?.services.flatMap(({ bindPort, readiness }) => [
    bindPort,
    ...readiness.map((probe) => portOf(probe)?.port),
  ]) ?? [];
  const ports = new Set([...configured, ollamaPort]);
  const wide = new Map(
    listeners().filter(({ address, port }) => anyAddress.has(address) && ports.has(port))
      .map(({ address, port }) => [port, address]),
  );
  const found = await Promise.all([...wide].map(async ([port, address]) => {
    const what = await openServer(`http://127.0.0.1:${port}`, signal);
    return what === null ? [] : [{ port, what, address }];
  }));
  return found.flat();
}

async function openServer(origin: string, signal: AbortSignal): Promise<string | null> {
  const ask = async (path: string, body?: string) => {
    try {
      return await httpRequest(origin + path, {
        method: body === undefined ? "GET" : "POST",
        ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
        signal,
        timeoutMs: askMs,
        maxBytes: 64 << 10,
      });
    } catch {
      return null;
    }
  };
  const has = (text: string | undefined, key: string) => {
    const json = text === undefined ? undefined : parseJson(text);
    return isObject(json) && key in json;
  };
  const version = await ask("/api/version");
  if (version?.status === 200 && has(version.text, "version")) return "Ollama";
  const models = await ask("/v1/models");
  if (models?.status !== 200 || !has(models.text, "data")) return null;
  // Some list their models to everybody and want a key for the rest. An empty question starts nothing.
  const answer = await ask("/v1/chat/completions", "{}");
  return answer === null || answer.status === 401 || answer.status === 403 ? null : "A model server";
}

function proxyOf(env: Env): NetFacts["proxy"] {
  const of = (name: string) => env[name.toLowerCase()] || env[name.toUpperCase()];
  const proxy = of("http_proxy") ?? of("all_proxy");
  if (!proxy) return null;
  const spared = (of("no_proxy") ?? "").split(",").map((one) => one.trim());
  return {
    address: URL.parse(proxy)?.host || "(not an address)",
    sparesLoopback: spared.some((one) => one === "*" || one.startsWith("127.")),
  };
}
