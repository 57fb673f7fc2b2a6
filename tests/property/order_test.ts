/** The strict order with the real machine: no service starts before all before it are past their gate or given up. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { startInOrder } from "../../lib/supervise/sequence.ts";
import { shutdown } from "../../lib/supervise/shutdown.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { fakeSupervisor, type FakeUnit, memoryLog, servicePlan } from "../support/fake_service.ts";

/** What a copy of a service does: it comes up after some ms, or dies at a stage. */
type Fate = { readyMs: number; end: "up" | "dies starting" | "fails warming" };

const fates: fc.Arbitrary<Fate> = fc.record({
  readyMs: fc.nat({ max: 300 }),
  end: fc.constantFrom("up", "up", "dies starting", "fails warming"),
});
/** For each of the services: the fate of its first copy, its second and so on; those after the last come up. */
const boots = fc.array(fc.array(fates, { maxLength: 4 }), { minLength: 1, maxLength: 4 });

Deno.test("startInOrder() with real machines keeps the order through every pattern of failures", async () => {
  const restart = {
    ...servicePlan("x").restart,
    maxRestarts: 2,
    backoff: { initialMs: 10, factor: 2, maxMs: 30 },
  };
  await fc.assert(
    fc.asyncProperty(boots, fc.boolean(), async (boot, standby) => {
      const clock = new FakeClock();
      const over = new Set<string>();
      const prepare = { files: false, standby, globs: [], tokenizers: false };
      const all: FakeUnit[] = boot.map((_, i) =>
        fakeSupervisor({ restart, prepare }, {
          name: `s${i}`,
          clock,
          observe(fact) {
            if (fact.fact !== "state") return;
            const { service, to } = fact;
            if (to === "starting") {
              const before = all.slice(0, i).filter(({ supervisor }) => !over.has(supervisor.name));
              assert.deepEqual(
                before.map(({ supervisor }) => supervisor.name),
                [],
                `${service} starts too early`,
              );
            }
            if (to === "up" || to === "failed") over.add(service);
          },
        })
      );
      for (const [i, { service }] of all.entries()) {
        const fateOf = () => boot[i]![service.starts - 1] ?? { readyMs: 0, end: "up" };
        const release = service.start.bind(service);
        service.warmup = () =>
          fateOf().end === "fails warming" ? { state: "failed", detail: "500" } : { state: "warmed", ms: 1 };
        service.start = async (signal) => {
          await release(signal);
          const { copy } = service;
          const { readyMs, end } = fateOf();
          clock.after(readyMs, () => {
            if (service.copy !== copy) return;
            if (end === "dies starting") copy!.exit(1);
            else service.ready();
          });
        };
      }
      const started = startInOrder(all.map(({ supervisor }) => supervisor), {
        signal: new AbortController().signal,
        lookahead: 1,
        prepare: (next) => next.prepare(),
        stage() {},
        onGate() {},
      });
      let failed: string[] | null = null;
      void started.then((names) => failed = names);
      for (let i = 0; i < 50 && failed === null; i++) await clock.advance(500);
      const exhausted = boot.flatMap((fates, i) =>
        fates.length >= 3 && fates.slice(0, 3).every(({ end }) => end !== "up") ? [`s${i}`] : []
      );
      assert.deepEqual(failed, exhausted);
      for (const { supervisor } of all) {
        assert.equal(supervisor.state.actual, exhausted.includes(supervisor.name) ? "failed" : "up");
      }
      const { log } = memoryLog(clock);
      const stopped = shutdown(all.map(({ supervisor }) => supervisor), {
        clock,
        log,
        budgetMs: 10_000,
        force: new AbortController().signal,
      });
      await clock.settle();
      assert.deepEqual((await stopped).left, []);
      await Promise.all(all.map(({ supervisor }) => supervisor.idle()));
      assert.ok(all.every(({ service }) => service.copy === null));
      await clock.advance(1000); // what was to happen to dead copies
      assert.equal(clock.pending, 0, "timers are left");
    }),
    { numRuns: Number(Deno.env.get("ALEXA_FUZZ_RUNS") ?? 60) },
  );
});
