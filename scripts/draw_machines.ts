/** The state machines of the program as a page for people, drawn from their tables. Pure. */
import { type Actual, actualStates, loaderStates } from "../lib/model/states.ts";
import { type LoaderEvent, nextLoaderState } from "../lib/loader/boot_machine.ts";
import {
  initialState,
  type ServiceEvent,
  type ServiceState,
  type Step,
  step,
} from "../lib/supervise/service_machine.ts";

type Edge = { from: string; to: string; label: string };

/** `docs/machines.md`. */
export function machinesPage(): string {
  return `# The machines

Drawn from the tables by \`deno task generate\`: [boot_machine.ts](../lib/loader/boot_machine.ts) and
[service_machine.ts](../lib/supervise/service_machine.ts). Their files' heads say what each state means. An event that is not drawn changes nothing there:
it is late, double or already fulfilled.

## The loader

${diagram(loaderEdges(), "INIT")}

## One service

Beside its state a service has what somebody wants: \`up\` or \`down\`. While it is \`stopping\`, what follows when its last process is gone depends on
that and on what was decided at the fault, so that a crash, a restart and a stop may race without a lock.

${diagram(serviceEdges(), "idle")}

| state | event | then | effects |
|---|---|---|---|
${serviceRows().join("\n")}
`;
}

const loaderEvents: LoaderEvent[] = [
  "precheck",
  "start",
  "all_up",
  "system_ready",
  "lost",
  "stop",
  "stopped",
];

function loaderEdges(): Edge[] {
  return loaderStates.flatMap((from) =>
    loaderEvents.map((label) => ({ from, to: nextLoaderState(from, label), label }))
  ).filter(({ from, to }) => from !== to);
}

const fault = { kind: "spawn_failed", reason: "" } as const;
const policy = {
  type: "on-failure" as const,
  maxRestarts: 1,
  windowMs: 1000,
  backoff: { initialMs: 100, factor: 2, maxMs: 1000 },
  noRestartExitCodes: [],
};

/** Each event, with the circumstances in which it is tried, in words. */
const moves: { words: string; event: ServiceEvent; when?: Partial<ServiceState>; external?: true }[] = [
  { words: "start", event: { type: "start" } },
  { words: "stop", event: { type: "stop" } },
  { words: "restart", event: { type: "restart" } },
  { words: "renew", event: { type: "renew" } },
  { words: "prepare", event: { type: "prepare" } },
  { words: "ready", event: { type: "ready" } },
  { words: "warmed", event: { type: "warmed" } },
  { words: "adopted", event: { type: "adopted" } },
  { words: "fault, restarts left", event: { type: "fault", fault } },
  { words: "fault, none left", event: { type: "fault", fault }, when: { restarts: [0] } },
  { words: "fault, external", event: { type: "fault", fault }, external: true },
  { words: "gone, not wanted", event: { type: "gone" }, when: { desired: "down" } },
  { words: "gone, to start anew", event: { type: "gone" }, when: { desired: "up", next: "start" } },
  {
    words: "gone, after a fault with restarts left",
    event: { type: "gone" },
    when: { desired: "up", next: "backoff", delayMs: 100 },
  },
  { words: "gone, after the last fault", event: { type: "gone" }, when: { desired: "up", next: "fail" } },
  { words: "gone: not even SIGKILL ends it", event: { type: "gone", stuck: true }, when: { desired: "up" } },
  { words: "backoff over", event: { type: "backoff_over" } },
];

/** In which states it can fail: only what is external is ever away, and nothing of it is started or stopped. */
function faultsOf(external?: true): Actual[] {
  return external
    ? ["starting", "warming", "up", "away"]
    : actualStates.filter((actual) => actual !== "away");
}

function serviceSteps(): { from: Actual; words: string; result: Step }[] {
  return actualStates.flatMap((actual) =>
    moves.filter(({ event, external }) => event.type !== "fault" || faultsOf(external).includes(actual)).map((
      { words, event, when, external },
    ) => {
      const state: ServiceState = { ...initialState, desired: "up", actual, ...when };
      const judged = external ? { ...policy, type: "watch" as const } : policy;
      return { from: actual, words, result: step(state, event, { policy: judged, now: 1 }), state };
    })
  ).filter(({ state, result }) => result.state !== state);
}

function serviceEdges(): Edge[] {
  return serviceSteps().map(({ from, words, result }) => ({ from, to: result.state.actual, label: words }))
    .filter(({ from, to }) => from !== to);
}

function serviceRows(): string[] {
  return serviceSteps().map(({ from, words, result: { state, effects } }) =>
    `| ${from} | ${words} | ${state.actual}, wanted ${state.desired} | ${
      effects.map((effect) => `\`${effect.do}\``).join(", ")
    } |`
  );
}

/** One arrow for all that leads from one state to another. */
function diagram(edges: Edge[], first: string): string {
  const labels = new Map<string, string[]>();
  for (const { from, to, label } of edges) {
    const arrow = `${from} --> ${to}`;
    // A colon ends Mermaid's label.
    labels.set(arrow, [...labels.get(arrow) ?? [], label.replaceAll(":", ",")]);
  }
  const arrows = [...labels].map(([arrow, words]) => `  ${arrow} : ${words.join(" / ")}`);
  return ["```mermaid", "stateDiagram-v2", `  [*] --> ${first}`, ...arrows, "```"].join("\n");
}
