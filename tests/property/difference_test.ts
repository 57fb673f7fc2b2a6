/** Whatever two configurations are: their difference says all that must be done to run the second in place of the first. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { isEmpty, planDifference, takenOver } from "../../lib/plan/mod.ts";
import { planOf, specText } from "../support/config_edit.ts";

const spec = parse(specText);
const names = Object.keys(spec.services);

/** A configuration of some of the services, in some order, with some settings of theirs and of the loader. */
const configurations = fc.record({
  order: fc.shuffledSubarray(names, { minLength: 1 }),
  threads: fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 1, max: 3 })),
  graces: fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 1, max: 3 })),
  loader: fc.record({
    readiness_poll_ms: fc.constantFrom(100, 250),
    gpu_index: fc.constantFrom(0, 1),
    on_loader_death: fc.constantFrom("stop", "keep"),
    prepare: fc.record({ lookahead: fc.constantFrom(1, 2, "all") }),
  }, { requiredKeys: [] }),
}).map(({ order, threads, graces, loader }) => {
  const services = Object.fromEntries(order.map((name) => [name, {
    ...spec.services[name],
    ...(threads[name] ? { threads: threads[name] } : {}),
    ...(graces[name] ? { grace_sec: graces[name] } : {}),
  }]));
  const ports = Object.fromEntries(order.map((name) => [name, spec.loader.port_hygiene.ports[name]]));
  return planOf(stringify({
    loader: {
      ...spec.loader,
      ...loader,
      timeouts: {},
      startup_sequence: order,
      shutdown_sequence: order,
      port_hygiene: { ports },
    },
    services,
  }));
});

Deno.test("planDifference() of a plan and itself is empty, and of two says all there is to be done", () => {
  fc.assert(
    fc.property(configurations, configurations, (a, b) => {
      assert.ok(isEmpty(planDifference(a, structuredClone(a))));

      const { added, removed, changed, postponed } = planDifference(a, b);
      const in_ = (plan: typeof a) => new Map(plan.services.map((service) => [service.name, service]));
      const [old, next] = [in_(a), in_(b)];
      for (const name of names) {
        const told = [added.includes(name), removed.includes(name), changed.some((c) => c.service === name)];
        const [was, is] = [old.get(name), next.get(name)];
        assert.deepEqual(told, [
          !was && is !== undefined,
          was !== undefined && !is,
          was !== undefined && is !== undefined && JSON.stringify(was) !== JSON.stringify(is),
        ]);
      }

      const runs = takenOver(a, b);
      assert.deepEqual(planDifference(runs, b), {
        added: [],
        removed: [],
        changed: [],
        loader: [],
        postponed,
      });
      if (postponed.length === 0) assert.deepEqual(runs, b);
    }),
    { numRuns: 200 },
  );
});
