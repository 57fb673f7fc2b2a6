import assert from "node:assert/strict";
import {
  boardFrame,
  boardKey,
  type BoardLook,
  type BoardState,
  type Given,
  initialBoard,
} from "../../../lib/ui/board.ts";
import type { LoaderStatus, ServiceStatus } from "../../../lib/model/status.ts";
import { displayWidth } from "../../../lib/ui/table.ts";
import { loaderStatus, serviceStatus } from "../api/support.ts";

const plain: BoardLook = { columns: 80, rows: 24, color: false, unicode: false };
const order = { key: "r", name: "restart", cost: ({ name }: ServiceStatus) => `about 8 s without ${name}` };

function boardOf(status: Partial<LoaderStatus>, change: Partial<BoardState> = {}): BoardState {
  const board = initialBoard({ status: loaderStatus(status), expected: { llm: 8000 }, orders: [order] });
  return { ...board, ...change };
}

const booting = boardOf({
  state: "STARTING",
  services: [
    serviceStatus("kwd", { role: "kwd", state: "up", ready_ms: 420 }),
    serviceStatus("llm", { role: "llm", state: "starting", says: "loading shard 3" }),
    serviceStatus("tts", { role: "tts", state: "idle", ready_ms: null }),
  ],
}, { stages: { llm: { stage: "ready", ms: 4000 } } });

const well = boardOf({ state: "SYSTEM_READY", listening: true });

function press(state: BoardState, ...keys: string[]): { state: BoardState; given: Given[] } {
  const given: Given[] = [];
  for (const key of keys) {
    const pressed = boardKey(state, key);
    state = pressed.state;
    if (pressed.given) given.push(pressed.given);
  }
  return { state, given };
}

Deno.test("boardFrame() says first whether one can talk, then what each service is at", () => {
  assert.deepEqual(boardFrame(booting, plain), [
    "Not yet: llm is starting, 1 of 3 up",
    "> kwd  up       420 ms",
    "  llm  starting ######......  loads, 4.00 s of about 8.00 s  loading shard 3",
    "  tts  waits",
    "j/k choose  Enter orders  / filter  ? help  q hide",
  ]);
});

Deno.test("boardFrame() folds into one line when all is well, and opens at a key", () => {
  assert.deepEqual(boardFrame(well, plain), ["You can talk  (Enter: services, q: hide)"]);
  const open = press(well, "enter").state;
  assert.equal(boardFrame(open, plain).length, 2 + well.status.services.length);
  assert.equal(boardFrame(press(open, "escape").state, plain).length, 1);
});

Deno.test("boardFrame() fits any terminal, whatever the services are called and say", () => {
  const services = Array.from(
    { length: 60 },
    (_, i) =>
      serviceStatus(i % 2 ? `名前${i}` : `a-very-long-name-of-a-service-${i}`, {
        says: "\x1b[2J語".repeat(40),
        problem: i % 3 ? null : "x".repeat(300),
      }),
  );
  const state = boardOf({ state: "DEGRADED", degraded: "y".repeat(300), services });
  for (const rows of [2, 5, 24, 60]) {
    for (const columns of [4, 10, 24, 60, 200]) {
      for (const mode of ["rows", "menu", "filter", "help"] as const) {
        const frame = boardFrame({ ...state, mode }, { ...plain, rows, columns });
        assert.ok(frame.length < Math.max(4, rows), `${frame.length} lines on ${rows} rows`);
        for (const line of frame) {
          assert.ok(displayWidth(line) < columns, `${columns}: ${line}`);
          // deno-lint-ignore no-control-regex
          assert.doesNotMatch(line, /[\x00-\x1f]/);
        }
      }
    }
  }
});

Deno.test("boardFrame() shows the service that is selected, however many there are", () => {
  const services = Array.from({ length: 50 }, (_, i) => serviceStatus(`s${i}`));
  let state = boardOf({ state: "DEGRADED", services });
  for (let i = 0; i < 50; i++) {
    assert.ok(boardFrame(state, plain).some((line) => line.startsWith(`> s${i} `)), `s${i}`);
    state = press(state, "j").state;
  }
  assert.match(boardFrame(state, plain).at(-1)!, /\(40 more\)$/);
});

Deno.test("boardKey() acts at the second key only, and the first says what it costs", () => {
  const asked = press(booting, "j", "enter");
  assert.deepEqual(asked.given, []);
  assert.equal(boardFrame(asked.state, plain).at(-1), "llm: r restart (about 8 s without llm), Esc back");
  assert.deepEqual(press(asked.state, "r").given, [{ key: "r", service: "llm" }]);
  assert.deepEqual(press(asked.state, "escape", "r").given, []);
  assert.deepEqual(press(booting, "r", "s", "x").given, [], "no single key acts");
});

Deno.test("boardKey() filters, goes back one step at a time, and q sends only the board away", () => {
  const filtered = press(booting, "/", "l", "m", "enter").state;
  assert.deepEqual(boardFrame(filtered, plain).slice(1, -1).map((line) => line.slice(2, 5)), ["llm"]);
  assert.equal(press(filtered, "escape").state.filter, "");
  assert.equal(press(booting, "/", "q").state.filter, "q", "letters are letters there");
  assert.deepEqual(boardFrame(press(booting, "q").state, plain), []);
  assert.ok(boardFrame(press(booting, "?").state, plain).some((line) => line.startsWith("q ")));
});
