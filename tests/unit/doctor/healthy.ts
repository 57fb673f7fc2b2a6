/** A machine on which all is well, and everything can be judged. */
import type { Facts } from "../../../lib/doctor/facts.ts";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import { version } from "../../../lib/version.ts";
import { bootRecord } from "../../support/boot_records.ts";
import { planOf, specText } from "../../support/config_edit.ts";
import { loaderStatus, serviceStatus } from "../api/support.ts";

/** What a test may change in place. */
type Open<T> = T extends (infer U)[] ? Open<U>[]
  : T extends readonly (infer U)[] ? Open<U>[]
  : T extends object ? { -readonly [K in keyof T]: Open<T[K]> }
  : T;
/** The same facts with everything that may be missing there. */
export type There = {
  [K in keyof Facts]: Open<NonNullable<Facts[K]>>;
};

export function healthy(): There {
  const plan = planOf(specText);
  return {
    host: {
      libc: true,
      container: true,
      systemd: true,
      uid: 1000,
      user: "ann",
      now: Date.UTC(2030, 0, 1),
      locale: "en_GB.UTF-8",
      runtimeDir: "/run/user/1000",
      lingers: true,
      openFiles: 1024,
      processes: 4096,
      delegated: true,
      hidesProcesses: false,
      celsius: 60,
      throttled: 0,
      quotaHeld: 0.01,
      governor: "schedutil",
    },
    memory: {
      totalMib: 16_000,
      availableMib: 8000,
      swapTotalMib: 4000,
      swapFreeMib: 3900,
      oomKills: 0,
      groupRoomMib: 4000,
      stalled: { memory: 0, io: 3 },
    },
    folders: [{
      name: "state folder",
      path: "/home/ann/.local/state/alexa-loader/home",
      own: true,
      owner: { uid: 1000, mode: 0o700 },
      freeMib: 50_000,
      totalMib: 200_000,
      freeInodes: 9e6,
      totalInodes: 1e7,
      type: "ext4",
      readOnly: false,
    }],
    config: { path: "/etc/alexa/loader.yaml", problems: [], exposed: false, missing: [] },
    plan,
    loader: {
      status: loaderStatus({
        version,
        services: ["kwd", "stt", "llm", "tts"].map((name) => serviceStatus(name, { role: name as "kwd" })),
      }),
      unanswered: null,
      version,
      userUnit: true,
      guarded: true,
      clockMovedSec: 0.2,
      leftovers: [],
    },
    records: [1, 2, 3, 4, 5, 6, 7].map((n) => bootRecord(n)),
    gpu: {
      expected: true,
      nvidiaCard: true,
      nvidiaDriver: true,
      uvm: true,
      keepsMemory: true,
      suspends: 0,
      snapshot: {
        at: 0,
        gpus: [{
          index: 0,
          uuid: "GPU-1",
          name: "Some Card",
          totalMib: 24_576,
          usedMib: 4096,
          freeMib: 20_480,
          utilisation: 0,
          temperatureC: 40,
          processes: [],
          processesKnown: true,
        }],
      },
      failure: null,
      reasons: [],
      denied: [],
      short: [],
      throttle: [{ gpu: 0, reasons: 0x4 }],
    },
    sound: {
      cards: [{ index: 0, id: "PCH", name: "HDA Intel" }, { index: 1, id: "Mic", name: "USB Audio" }],
      capture: true,
      playback: true,
      usable: true,
      pipewire: { installed: true, socket: true },
      source: { percent: 80, muted: false, tool: "wpctl" },
      sink: { percent: 80, muted: false, tool: "wpctl" },
    },
    net: {
      loopback: true,
      publicAddresses: ["8.8.8.8"],
      held: [],
      open: [],
      proxy: { address: "proxy:3128", sparesLoopback: true },
    },
    models: [{ service: "tts", problems: [], empty: [], dangling: [], hollow: [] }],
    ollama: [{
      service: "llm",
      origin: "http://127.0.0.1:11434",
      model: "llama3",
      numCtx: 4096,
      installed: ["llama3:latest"],
      resident: { sizeMib: 5000, gpuMib: 5000, unloadsInMs: null, context: 4096 },
    }],
    wake: [{ service: "kwd", wanted: "alexa", answer: { problem: null } }],
  };
}

/** A service of the plan, to be changed. */
export function planned(facts: There, name: string): Open<ServicePlan> {
  return facts.plan.services.find((service) => service.name === name)!;
}

/** A service's status, to be changed. */
export function running(facts: There, name: string) {
  return facts.loader.status!.services.find((service) => service.name === name)!;
}
