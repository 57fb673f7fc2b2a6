/**
 * The loader's machine under any course of a boot: SYSTEM_READY exactly when everything is up, announced once; never
 * beside a DEGRADED sentence; nothing after a stop. ALEXA_FUZZ_RUNS sets how many courses are tried (10000).
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Boot,
  type BootEffect,
  type BootEvent,
  bootStep,
  initialBoot,
  type Look,
} from "../../lib/loader/boot_machine.ts";

const numRuns = Number(Deno.env.get("ALEXA_FUZZ_RUNS") ?? 10_000);
const names = ["kwd", "stt", "tts"];

type Service = "down" | "up" | "backoff" | "failed";

/** Services that come and go, and the loader that is told. */
class World {
  boot: Boot = initialBoot;
  services = new Map<string, Service>(names.map((name) => [name, "down"]));
  effects: BootEffect[] = [];
  clock = 0;

  look(): Look {
    const states = [...this.services.values()];
    const missing = [...this.services].filter(([, state]) => state !== "up");
    return {
      allUp: missing.length === 0,
      givenUp: states.includes("failed"),
      text: missing.length === 0 ? null : missing.map(([name, state]) => `${name} ${state}`).join(),
    };
  }

  send(event: BootEvent): BootEffect[] {
    const { boot, effects } = bootStep(this.boot, event);
    this.boot = boot;
    this.effects.push(...effects);
    return effects;
  }

  move(name: string, to: Service): void {
    const from = this.services.get(name)!;
    if (from === to) return;
    this.services.set(name, to);
    const before = this.effects.length;
    if (from === "up") this.send({ type: "lost", lost: { name, at: ++this.clock } });
    if (to === "up" || to === "failed") this.send({ type: "changed", look: this.look() });
    for (const effect of this.effects.slice(before)) {
      if (effect.do === "announce_back") {
        assert.ok(effect.lost.length > 0, "whoever is back was lost");
        for (const { at } of effect.lost) assert.ok(at <= this.clock);
      }
    }
  }

  count(what: BootEffect["do"]): number {
    return this.effects.filter((effect) => effect.do === what).length;
  }
}

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(
      fc.constantFrom(...names),
      fc.constantFrom<Service>("up", "up", "up", "up", "up", "up", "backoff", "failed"),
    ),
  },
  { weight: 2, arbitrary: fc.constant("sequence_over" as const) },
  { weight: 1, arbitrary: fc.constant("stop" as const) },
);

Deno.test("bootStep() is SYSTEM_READY exactly when everything is up, and says so once", () => {
  let [ready, degraded, back] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const world = new World();
      world.send({ type: "precheck" });
      world.send({ type: "start" });
      let stopped = false;
      for (const each of steps) {
        const before = world.effects.length;
        if (each === "stop") {
          stopped = true;
          world.send({ type: "stop" });
        } else if (each === "sequence_over") world.send({ type: "sequence_over", look: world.look() });
        else world.move(...each);
        const { phase, sequenceOver } = world.boot;
        if (stopped) {
          assert.ok(phase === "STOPPING" && world.effects.length === before, "nothing after a stop");
          continue;
        }
        const { allUp } = world.look();
        if (sequenceOver) assert.equal(phase === "SYSTEM_READY", allUp, `${phase}`);
        else assert.equal(phase, "STARTING");
      }
      const told = world.effects.filter((effect) =>
        effect.do === "tell_degraded" || effect.do === "announce_ready" ||
        effect.do === "announce_back"
      );
      told.forEach((effect, i) => {
        const next = told[i + 1];
        if (effect.do === "tell_degraded" && next?.do === "tell_degraded") {
          assert.notEqual(effect.text, next.text, "no sentence twice in a row");
        }
      });
      assert.ok(world.count("announce_ready") <= 1);
      assert.ok(world.count("close_record") <= 1);
      assert.ok(world.count("poll_gpu") <= 2, "once at DEGRADED, once at the SYSTEM_READY after it");
      if (world.count("announce_back") > 0) assert.equal(world.count("announce_ready"), 1);
      ready += world.count("announce_ready");
      degraded += Math.min(1, world.count("tell_degraded"));
      back += Math.min(1, world.count("announce_back"));
    }),
    { numRuns },
  );
  for (const seen of [ready, degraded, back]) assert.ok(seen > numRuns / 400, `${[ready, degraded, back]}`);
});
