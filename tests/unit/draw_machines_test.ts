import assert from "node:assert/strict";
import { machinesPage } from "../../scripts/draw_machines.ts";

Deno.test("machinesPage() draws every state as reachable, and a crash as what it leads to", () => {
  const reached = new Set(machinesPage().matchAll(/--> (\w+)/g).map(([, state]) => state));
  for (
    const state of [
      "INIT PRECHECK STARTING RUNNING_ALL SYSTEM_READY DEGRADED STOPPING STOPPED",
      "idle standby starting warming up stopping backoff failed",
    ].flatMap((line) => line.split(" "))
  ) assert.ok(reached.has(state), state);
  assert.match(
    machinesPage(),
    /\| up \| fault, restarts left \| stopping, wanted up \| `tell_fault`, `terminate` \|/,
  );
});
