import assert from "node:assert/strict";
import { EventBus } from "../../../lib/model/event_bus.ts";
import type { Fact } from "../../../lib/model/events.ts";

const ready: Fact = { fact: "ready", service: "stt", ms: 420 };
const context: Fact = { fact: "first_gpu_context" };

Deno.test("EventBus tells every observer of each fact, in their order, until it is disposed of", () => {
  const told: string[] = [];
  const bus = new EventBus((error) => assert.fail(String(error)));
  bus.emit(ready); // nobody is there
  bus.observe(({ fact }) => told.push(`a ${fact}`));
  const b = bus.observe(({ fact }) => told.push(`b ${fact}`));
  bus.emit(ready);
  b[Symbol.dispose]();
  bus.emit(context);
  assert.deepEqual(told, ["a ready", "b ready", "a first_gpu_context"]);
});

Deno.test("EventBus drops an observer that throws, says so once, and never throws into its emitter", () => {
  const told: string[] = [], broken: unknown[] = [];
  const bus = new EventBus((error) => broken.push(error));
  let calls = 0;
  bus.observe(() => {
    calls++;
    throw new Error("its pen is broken");
  });
  bus.observe(({ fact }) => told.push(fact));
  bus.emit(ready);
  bus.emit(context);
  assert.equal(calls, 1);
  assert.deepEqual(broken.map(String), ["Error: its pen is broken"]);
  assert.deepEqual(told, ["ready", "first_gpu_context"], "the others hear everything");
});
