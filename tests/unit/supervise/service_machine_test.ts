/** Single steps of the service machine that the properties do not name. Spec: §1.2, §6. */
import assert from "node:assert/strict";
import {
  initialState,
  type ServiceEvent,
  type ServiceState,
  step,
} from "../../../lib/supervise/service_machine.ts";
import { servicePlan } from "../../support/fake_service.ts";

const { restart: policy } = servicePlan("stt", {});
const after = (events: ServiceEvent[]): ServiceState =>
  events.reduce((state, event) => step(state, event, { policy, now: 0 }).state, initialState);

Deno.test("step() never starts a copy beside one that even SIGKILL could not end", () => {
  const running: ServiceEvent[] = [{ type: "start" }, { type: "ready" }, { type: "warmed" }];
  const stuck = after([...running, { type: "restart" }, { type: "gone", stuck: true }]);
  assert.equal(stuck.actual, "failed");
  assert.equal(after([...running, { type: "restart" }, { type: "gone" }]).actual, "starting");
});

Deno.test("step() lets a stop win over what was to follow, and a start win over the stop", () => {
  const crashed: ServiceEvent[] = [
    { type: "start" },
    { type: "fault", fault: { kind: "spawn_failed", reason: "not found" } },
  ];
  assert.equal(after([...crashed, { type: "stop" }, { type: "gone" }]).actual, "idle");
  assert.equal(after([...crashed, { type: "stop" }, { type: "start" }, { type: "gone" }]).actual, "starting");
});
