/**
 * The board below the log of `up` on a terminal: whether one can talk, then a line per service. A frame is a pure
 * function of state and size; so is what a key does. Spec: §7, §12.
 */
import type { LoaderStatus, ServiceStatus } from "../model/status.ts";
import { cut, displayWidth, paint, plain, type Style } from "./table.ts";
import { moods } from "./status_view.ts";
import { duration } from "./units.ts";

/** What can be done with a service: the key in its menu, and what it costs, said before. */
export interface BoardOrder {
  key: string;
  name: string;
  cost(service: ServiceStatus): string | null;
}

export interface BoardState {
  status: LoaderStatus;
  /** Of each service that is in a stage: which, and for how long, ms. */
  stages: Readonly<Record<string, { stage: string; ms: number }>>;
  /** What a service's start usually takes until it is up, ms. */
  expected: Readonly<Record<string, number>>;
  orders: readonly BoardOrder[];
  /** The person opened it although all is well. */
  open: boolean;
  /** Name of the service that keys mean; null: the first. */
  selected: string | null;
  filter: string;
  mode: "rows" | "filter" | "menu" | "help";
  /** What became of the last order. */
  news: string | null;
  /** The person has sent it away. */
  gone: boolean;
}

export interface BoardLook {
  columns: number;
  rows: number;
  color: boolean;
  /** The terminal shows more than ASCII. */
  unicode: boolean;
}

/** An order that a key gave. */
export interface Given {
  key: string;
  service: string;
}

const states: Partial<Record<ServiceStatus["state"], Style>> = {
  up: "green",
  failed: "red",
  backoff: "yellow",
  away: "yellow",
  starting: "cyan",
  warming: "cyan",
};

const stageWords: Record<string, string> = {
  start: "starts,",
  ready: "loads,",
  warmup: "warms up,",
  backoff: "waits to be started again,",
};

export function initialBoard(
  options: Pick<BoardState, "status" | "expected" | "orders">,
): BoardState {
  return {
    ...options,
    stages: {},
    open: false,
    selected: null,
    filter: "",
    mode: "rows",
    news: null,
    gone: false,
  };
}

/** All is well and nobody asked for more: one line. */
const isFolded = ({ status, open }: BoardState) => status.state === "SYSTEM_READY" && !open;

const shown = ({ status, filter }: BoardState) =>
  status.services.filter(({ name }) => name.toLowerCase().includes(filter.toLowerCase()));

const selectedOf = (state: BoardState): ServiceStatus | undefined => {
  const services = shown(state);
  return services.find(({ name }) => name === state.selected) ?? services[0];
};

/** The lines, each narrower than the terminal; none when the person has sent the board away. */
export function boardFrame(state: BoardState, look: BoardLook): string[] {
  if (state.gone) return [];
  const { talk } = state.status;
  const fit = (text: string) => cut(plain(text), Math.max(1, look.columns - 1));
  const styled = (text: string, style: Style) => paint(fit(text), style, look.color);
  const head = styled(talk.text, moods[talk.works]);
  if (isFolded(state)) {
    const hint = "  (Enter: services, q: hide)";
    return [displayWidth(talk.text + hint) < look.columns ? head + paint(hint, "dim", look.color) : head];
  }
  if (state.mode === "help") return [head, ...help.map(fit)].slice(0, Math.max(1, look.rows - 1));
  const services = shown(state), selected = selectedOf(state);
  const room = Math.max(1, Math.floor(look.rows / 2) - 2);
  const from = Math.max(0, Math.min(services.length - room, services.indexOf(selected!) - (room >> 1)));
  const widest = Math.min(16, Math.max(0, ...services.map(({ name }) => displayWidth(name))));
  const rows = services.slice(from, from + room).map((service) =>
    row(state, service, { selected: service === selected, widest, look })
  );
  const hidden = services.length - rows.length;
  const foot = hidden > 0 ? `${footOf(state, selected)}  (${hidden} more)` : footOf(state, selected);
  return [head, ...rows, styled(foot, "dim")];
}

function row(
  state: BoardState,
  service: ServiceStatus,
  { selected, widest, look }: { selected: boolean; widest: number; look: BoardLook },
): string {
  const width = Math.max(1, look.columns - 1);
  const name = cut(plain(service.name), 16);
  const mark = selected ? (look.unicode ? "› " : "> ") : "  ";
  const begin = `${mark}${name}${" ".repeat(Math.max(0, widest - displayWidth(name)))}  `;
  const word = (service.state === "idle" ? "waits" : service.state).padEnd(8);
  const rest = cut(plain(restOf(state, service, look)), Math.max(0, width - displayWidth(begin) - 9));
  if (displayWidth(begin) + 8 >= width) return cut(begin + word, width);
  const style = states[service.state] ?? "dim";
  return `${begin}${paint(word, style, look.color)} ${rest}`.trimEnd();
}

function restOf({ stages, expected }: BoardState, service: ServiceStatus, look: BoardLook): string {
  const parts: string[] = [];
  const stage = stages[service.name];
  if (stage && service.state !== "up") {
    const usual = expected[service.name];
    if (usual && stage.stage !== "backoff") parts.push(bar(stage.ms / usual, look.unicode));
    const of = usual && stage.stage !== "backoff" ? ` of about ${duration(usual)}` : "";
    parts.push(`${stageWords[stage.stage] ?? stage.stage} ${duration(stage.ms)}${of}`);
  } else if (service.state === "up" && service.ready_ms !== null) parts.push(duration(service.ready_ms));
  if (service.vram_mib !== null && service.vram_mib > 0) {
    parts.push(`${Math.round(service.vram_mib)} MiB${service.on_cpu ? ", on the CPU" : ""}`);
  }
  const words = service.problem ?? service.says;
  if (words) parts.push(words);
  return parts.join("  ");
}

/** How much of what it usually takes is over. */
function bar(share: number, unicode: boolean): string {
  const width = 12, done = Math.round(Math.min(1, Math.max(0, share)) * width);
  const [full, empty] = unicode ? ["█", "░"] : ["#", "."];
  return full!.repeat(done) + empty!.repeat(width - done);
}

const help = [
  "j k, arrows   the next or previous service",
  "Enter         what can be done with it, and what that costs",
  "/             only services whose name has these letters",
  "Esc           one step back",
  "q             hide this board; the assistant goes on",
  "Ctrl-C        stop the assistant",
];

function footOf(state: BoardState, service: ServiceStatus | undefined): string {
  if (state.mode === "filter") return `/${state.filter}`;
  if (state.mode === "menu" && service) {
    const orders = state.orders.map(({ key, name, cost }) => {
      const costs = cost(service);
      return `${key} ${name}${costs ? ` (${costs})` : ""}`;
    });
    return `${service.name}: ${[...orders, "Esc back"].join(", ")}`;
  }
  if (state.news !== null) return state.news;
  const filtered = state.filter === "" ? "" : `only "${state.filter}"  `;
  return `${filtered}j/k choose  Enter orders  / filter  ? help  q hide`;
}

/** What a key does: the board as it is then, and what is to be done. Unknown keys do nothing. */
export function boardKey(state: BoardState, key: string): { state: BoardState; given: Given | null } {
  const to = (change: Partial<BoardState>, given: Given | null = null) => ({
    state: { ...state, news: null, ...change },
    given,
  });
  if (state.gone) return { state, given: null };
  if (state.mode === "filter") {
    if (key === "enter") return to({ mode: "rows" });
    if (key === "escape") return to({ mode: "rows", filter: "" });
    if (key === "backspace") return to({ filter: state.filter.slice(0, -1) });
    return key.length === 1 && key >= " " ? to({ filter: (state.filter + key).slice(0, 32) }) : to({});
  }
  const service = selectedOf(state);
  if (state.mode === "menu") {
    if (key === "escape" || key === "q" || !service) return to({ mode: "rows" });
    const order = state.orders.find((order) => order.key === key);
    return order
      ? to({ mode: "rows", news: `${order.name} ${service.name} …` }, { key, service: service.name })
      : { state, given: null };
  }
  if (state.mode === "help") return to({ mode: "rows" });
  if (isFolded(state)) {
    if (key === "q") return to({ gone: true });
    return ["enter", "up", "down", "j", "k", "/", "?"].includes(key)
      ? to({ open: true, mode: key === "/" ? "filter" : key === "?" ? "help" : "rows" })
      : { state, given: null };
  }
  switch (key) {
    case "j":
    case "down":
      return to(moved(state, 1));
    case "k":
    case "up":
      return to(moved(state, -1));
    case "enter":
      return to(service ? { mode: "menu", selected: service.name } : {});
    case "/":
      return to({ mode: "filter" });
    case "?":
      return to({ mode: "help" });
    case "q":
      return to({ gone: true });
    case "escape":
      return to(state.filter === "" ? { open: false } : { filter: "" });
    default:
      return { state, given: null };
  }
}

function moved(state: BoardState, by: number): Partial<BoardState> {
  const services = shown(state), at = services.indexOf(selectedOf(state)!);
  const next = services[Math.max(0, Math.min(services.length - 1, at + by))];
  return next ? { selected: next.name } : {};
}
