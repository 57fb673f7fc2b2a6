/**
 * What can be done to it. A fault is done at once, and answers what to wait for until its effect can be seen; null: it
 * could not be done now (nothing runs, nobody answers).
 */
import { connectControl } from "../../lib/api/client.ts";
import { kill, until } from "../support/loader_process.ts";
import { type Name, names, noRestartCode } from "./assistant.ts";
import { guardiansOf, isRunning, pause, type Seen } from "./look.ts";
import type { Prng } from "./prng.ts";
import type { World } from "./world.ts";

/** Resolves when the effect was seen. May tell what happened, where the service's or loader's state does not. */
export type Effect = () => Promise<string | void>;

export interface Done {
  effect: Effect;
  /** Whose state tells what became of it; null: the loader's. */
  service: Name | null;
}

export interface Fault {
  name: string;
  weight: number;
  do(world: World, rng: Prng): Promise<Done | null>;
}

/** Longer than any fault of a service may stay unnoticed: two checks, each with its timeout, the ready and warm-up limits. */
const noticedMs = 9000;

/** The copy is gone, or the loader with it. */
function gone(world: World, copy: Seen): Effect {
  return async () => {
    await until(
      `the end of ${copy.service} pid ${copy.pid}`,
      () => !isRunning(copy) || !world.running,
      undefined,
      noticedMs,
    );
  };
}

function ofService(
  name: string,
  weight: number,
  act: (world: World, copy: Seen & { service: Name }, rng: Prng) => boolean | Promise<boolean>,
  effect: (world: World, copy: Seen) => Effect = gone,
): Fault {
  return {
    name,
    weight,
    async do(world, rng) {
      const copies = world.leaders();
      if (copies.length === 0) return null;
      const copy = rng.pick(copies);
      world.note(`${name} ${copy.service} pid ${copy.pid}`);
      if (!await act(world, copy, rng)) return null;
      return { effect: effect(world, copy), service: copy.service };
    },
  };
}

const asked = (name: string, weight: number, body: (rng: Prng) => Record<string, unknown>, effect = gone) =>
  ofService(name, weight, (world, copy, rng) => world.ask(copy.service, body(rng)), effect);

/** Nothing has to follow at once; what it leaves must go with its copy. */
const noEffect = () => async () => {};

function signalLoader(
  name: string,
  weight: number,
  act: (world: World, rng: Prng) => Promise<boolean | void>,
): Fault {
  return {
    name,
    weight,
    async do(world, rng) {
      if (!world.running) return null;
      world.note(name);
      if (await act(world, rng) === false) return null;
      return { effect: async () => {}, service: null };
    },
  };
}

const stop = (signal: Deno.Signal) =>
  signalLoader(`${signal} to the loader`, 1.5, async (world) => {
    world.askedToStop();
    world.signal(signal);
  });

/** Where no terminal controls it, that is a reload: some services are to be replaced, in order. */
const reload = signalLoader("SIGHUP to the loader", 1.5, async (world, rng) => {
  if (world.loader!.lines.length === 0) return false; // it does not listen for it yet
  world.rewrite(rng);
  world.signal("SIGHUP");
});

export const faults: readonly Fault[] = [
  ofService("service killed (SIGKILL)", 8, (_, copy) => (kill(copy.pid, "SIGKILL"), true)),
  ofService("service stopped (SIGSTOP)", 3, (_, copy) => (kill(copy.pid, "SIGSTOP"), true)),
  asked("service hangs", 3, () => ({ do: "hang" })),
  asked("health check answers 500", 2, () => ({ do: "unhealthy" })),
  asked("service exits 0", 2, () => ({ do: "exit", code: 0 })),
  asked("service exits 1", 4, () => ({ do: "exit", code: 1 })),
  asked("service exits with a no_restart code", 2, () => ({ do: "exit", code: noRestartCode })),
  asked("output flood", 3, (rng) => ({ do: "flood", lines: rng.int(2000, 20_000) }), noEffect),
  asked("daemonised grandchild", 4, () => ({ do: "grandchild" }), noEffect),
  asked("helper keeps the port", 3, () => ({ do: "helper" }), noEffect),
  asked("short-lived orphan", 3, () => ({ do: "zombie" }), noEffect),
  asked("service ignores SIGTERM", 3, () => ({ do: "deaf" }), noEffect),
  {
    name: "port stolen while the service is down",
    weight: 2,
    async do(world, rng) {
      const copies = world.leaders();
      // A boot that finds a stranger on one of its ports ends, and rightly.
      if (copies.length === 0 || world.orphaned) return null;
      const copy = rng.pick(copies);
      world.note(`steal the port of ${copy.service}`);
      const thief = world.thief(world.ports[copy.service]);
      await pause(40); // it needs about as long to its first try
      kill(copy.pid, "SIGKILL");
      const effect = async () => {
        const taken = await Promise.race([thief.taken, pause(300).then(() => false)]);
        await pause(rng.int(0, 300));
        if (!thief.alive()) throw new Error("the stranger who took the port was killed");
        await thief.end();
        await gone(world, copy)();
        if (!taken) return "the service was faster";
      };
      return { effect, service: copy.service };
    },
  },
  {
    name: "notify socket deleted",
    weight: 2,
    async do(world, rng) {
      const name = rng.pick(names);
      world.note(`delete the notify socket of ${name}`);
      try {
        Deno.removeSync(`${world.home.runtime}/alexa-loader/c/${name}.notify`);
      } catch {
        return null;
      }
      // What nobody can tell any more must not keep the next copy from becoming ready.
      const copy = world.leaders().find((p) => p.service === name);
      if (copy) kill(copy.pid, "SIGKILL");
      return { effect: copy ? gone(world, copy) : async () => {}, service: name };
    },
  },
  {
    name: "log disk full",
    weight: 1.5,
    async do(world, rng) {
      if (!world.smallDisk) return null;
      world.note("fill the log disk");
      const path = `${world.logDir}/filler.${rng.int(0, 2 ** 30)}`;
      fill(path);
      const copy = world.leaders()[0];
      if (copy) await world.ask(copy.service, { do: "flood", lines: 2000 });
      const wait = rng.int(50, 300);
      return {
        service: null,
        effect: async () => {
          await pause(wait);
          Deno.removeSync(path);
        },
      };
    },
  },
  damaged("state file damaged", "state.json"),
  damaged("boot history damaged", "boots.jsonl"),
  {
    name: "guardian killed",
    weight: 2,
    async do(world) {
      // Of a loader that was killed a moment ago it is the only one that can still act: that is another fault.
      const [pid] = world.running && world.ending !== "killed" ? guardiansOf(world.loader!.pid) : [];
      if (pid === undefined) return null;
      world.note(`kill guardian ${pid}`);
      kill(pid, "SIGKILL");
      await until("the guardian's end", () => !guardiansOf(world.loader!.pid).includes(pid));
      const replaced = () => !world.running || guardiansOf(world.loader!.pid).some((other) => other !== pid);
      return {
        service: null,
        effect: async () => void await until("another guardian", replaced, undefined, 3000),
      };
    },
  },
  {
    name: "ten restarts of one service at once",
    weight: 2,
    async do(world, rng) {
      if (!world.running) return null;
      const name = rng.pick(names);
      world.note(`ten restarts of ${name}`);
      const answers = Array.from({ length: 10 }, () => restart(world, name));
      return { effect: async () => void await Promise.all(answers), service: name };
    },
  },
  {
    name: "restart, status and stop at once",
    weight: 1,
    async do(world, rng) {
      if (!world.running) return null;
      world.note("restart, status and stop at once");
      world.askedToStop();
      const client = connectControl(world.socket);
      const quietly = (p: Promise<unknown>) => p.catch(() => {});
      const answers = [
        restart(world, rng.pick(names)),
        quietly(client.status()),
        quietly(client.stop()).then(async () => {
          // Before its control socket exists nobody can ask; then a signal has to do.
          world.signal("SIGTERM");
        }),
        restart(world, rng.pick(names)),
        quietly(client.status()),
      ];
      return { effect: async () => void await Promise.all(answers), service: null };
    },
  },
  {
    name: "restart on demand",
    weight: 4,
    async do(world, rng) {
      if (!world.running) return null;
      const name = rng.pick(names);
      world.note(`restart ${name}`);
      const answer = restart(world, name);
      return { effect: async () => void await answer, service: name };
    },
  },
  stop("SIGINT"),
  stop("SIGTERM"),
  reload,
  signalLoader("SIGINT twice within 1 s", 0.7, async (world) => {
    world.askedToStop();
    world.signal("SIGINT");
    await pause(20);
    world.signal("SIGINT");
  }),
  signalLoader("second SIGINT after 1 s, deaf service", 0.7, async (world) => {
    world.askedToStop();
    world.askedToStop();
    await Promise.all(world.leaders().map((copy) => world.ask(copy.service, { do: "deaf" })));
    world.signal("SIGINT");
    for (let i = 0; i < 54 && world.running; i++) await pause(20);
    world.signal("SIGINT");
  }),
  signalLoader("SIGINT, then a service is killed", 1.5, async (world, rng) => {
    world.askedToStop();
    world.signal("SIGINT");
    await pause(rng.int(0, 40));
    for (const copy of world.leaders()) kill(copy.pid, "SIGKILL");
  }),
  signalLoader("SIGKILL to the loader", 3, async (world) => {
    if (guardiansOf(world.loader!.pid).length === 0 && world.leaders().length > 0) {
      if (damagedRecord(world)) return false;
      world.orphanedBy = world.loader;
    }
    world.ending = "killed";
    world.signal("SIGKILL");
  }),
  signalLoader("SIGKILL to loader and guardian", 1.5, async (world) => {
    if (damagedRecord(world)) return false; // nothing could be proved any more: they would be left alone, rightly
    world.ending = "killed";
    // Both must die before either can act: stopped first, they cannot.
    const pids = [world.loader!.pid, ...guardiansOf(world.loader!.pid)];
    if (pids.length === 2 || world.leaders().length > 0) world.orphanedBy = world.loader;
    for (const pid of pids) kill(pid, "SIGSTOP");
    for (const pid of pids.reverse()) kill(pid, "SIGKILL");
  }),
];

async function restart(world: World, name: Name): Promise<void> {
  try {
    await connectControl(world.socket).restart(name, AbortSignal.timeout(noticedMs));
  } catch (error) {
    if (error instanceof DOMException && world.running) throw new Error(`restart of ${name}: no answer`);
  }
}

/** The loader's record of its services is still the damaged one. */
function damagedRecord(world: World): boolean {
  try {
    return Deno.readTextFileSync(`${world.stateDir}/state.json`) === world.damagedRecord;
  } catch {
    return false;
  }
}

function damaged(name: string, file: string): Fault {
  return {
    name,
    weight: 1.5,
    async do(world, rng) {
      if (world.orphaned) return null; // the record is the only proof that is left
      const path = `${world.stateDir}/${file}`;
      let bytes: Uint8Array;
      try {
        bytes = Deno.readFileSync(path);
      } catch {
        return null;
      }
      world.note(`damage ${file}`);
      const how = rng.int(0, 3);
      if (how === 0) bytes = bytes.subarray(0, rng.int(0, bytes.length));
      else if (how === 1) bytes = new TextEncoder().encode("{}\n");
      else for (let i = 0; i < 20; i++) bytes[rng.int(0, Math.max(0, bytes.length - 1))] = rng.int(0, 255);
      try {
        Deno.writeFileSync(path, bytes);
        if (file === "state.json") world.damagedRecord = new TextDecoder().decode(bytes);
      } catch {
        return null; // it was taken away in this moment
      }
      return { effect: async () => {}, service: null };
    },
  };
}

function fill(path: string): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const block = new Uint8Array(4096);
  try {
    for (let i = 0; i < 4096; i++) file.writeSync(block);
  } catch { /* full */ }
}
