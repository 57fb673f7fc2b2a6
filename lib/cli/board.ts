/** Keeps the board below the log of a loader that runs in this terminal. */

import { percentile, readyTimes } from "../metrics/figures.ts";
import type { History } from "../metrics/history.ts";
import type { LoaderService } from "../loader/loader.ts";
import { LinesBelow } from "../log/lines_below.ts";
import { reasonOf } from "../errors.ts";
import type { Fact } from "../model/events.ts";
import { every, systemClock } from "../sys/clock.ts";
import { standardOutput, stdoutHasColor } from "../sys/files/standard_output.ts";
import type { BoardTerminal } from "../sys/terminal_board.ts";
import { boardFrame, boardKey, type BoardOrder, type BoardState, initialBoard } from "../ui/board.ts";
import { displayWidth } from "../ui/table.ts";
import { duration } from "../ui/units.ts";

/** How often it is drawn anew, ms; all is well: seldom. */
const busyMs = 200;

export class Board implements AsyncDisposable {
  /** Where the log goes. */
  readonly target: LinesBelow;
  #terminal: BoardTerminal;
  #state: BoardState | null = null;
  #stages = new Map<string, { stage: string; since: number }>();
  #refresh = () => {};
  #held = new AsyncDisposableStack();

  constructor(terminal: BoardTerminal) {
    this.#terminal = terminal;
    const color = stdoutHasColor();
    this.target = new LinesBelow(standardOutput, {
      frame: () => {
        this.#refresh();
        const look = { ...terminal.size(), color, unicode: terminal.unicode };
        return this.#state ? boardFrame(this.#state, look) : [];
      },
      columns: () => terminal.size().columns,
      // deno-lint-ignore no-control-regex
      width: (line) => displayWidth(line.replaceAll(/\x1b\[[0-9;]*m/g, "")),
    });
    this.#held.defer(() => this.target.close());
  }

  /** From now on it shows this loader. */
  show(loader: LoaderService, history: History): void {
    const times = readyTimes(history.records);
    const expected = Object.fromEntries(
      Object.entries(times).map(([name, all]) => [name, percentile(all, 50)!]),
    );
    const orders: BoardOrder[] = [{
      key: "r",
      name: "restart",
      cost: ({ name }) =>
        expected[name] ? `about ${duration(expected[name])} without it` : "it is away meanwhile",
    }];
    this.#state = initialBoard({ status: loader.status(), expected, orders });
    this.#refresh = () => {
      const now = systemClock.now();
      const stages = Object.fromEntries(
        [...this.#stages].map(([name, { stage, since }]) => [name, { stage, ms: now - since }]),
      );
      this.#state = { ...this.#state!, status: loader.status(), stages };
    };
    const update = (change: Partial<BoardState> = {}) => {
      this.#state = { ...this.#state!, ...change };
      this.target.redraw();
    };
    const restart = async (name: string) => {
      const ok = await loader.restartService(name).catch(reasonOf);
      update({ news: `restart ${name}: ${ok === true ? "done" : ok || "it did not come up"}` });
    };
    this.#held.use(loader.observe((fact) => this.#note(fact)));
    this.#held.use(every(systemClock, busyMs, () => update()));
    this.#held.use(this.#terminal.open({
      key: (name) => {
        const { state, given } = boardKey(this.#state!, name);
        if (given) void restart(given.service);
        update(state);
      },
      resized: () => update(),
      continued: () => {
        this.target.forget();
        update();
      },
    }));
  }

  #note(fact: Fact): void {
    if (fact.fact === "stage_begun" && fact.service !== null && fact.stage !== "prepare") {
      this.#stages.set(fact.service, { stage: fact.stage, since: systemClock.now() });
    } else if (fact.fact === "state" && ["up", "failed", "idle", "away"].includes(fact.to)) {
      this.#stages.delete(fact.service);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync();
  }
}
