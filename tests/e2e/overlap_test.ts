/**
 * Services that can do most of their load in standby: all of them load at once, yet each binds in its turn. Told by the
 * services' own stamps, which are of one clock. Spec: §2, §9; CONTRACT §3.
 */
import assert from "node:assert/strict";
import { LoaderProcess, TestHome } from "../support/loader_process.ts";
import { assistant, roles } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

/** Four fifths of a load need no port; the rest, the first inference, needs it. */
const early = 400, late = 100;
const sum = roles.length * (early + late);

/** Boots four such services, and gives the time from the first one's start to the last one's end of load, in ms. */
async function boot(loader: Record<string, unknown>, check: (home: TestHome) => void): Promise<number> {
  await using home = new TestHome();
  const knobs = { load_ms: early, warmup_ms: late };
  const prepare = { prepare: { standby: true } };
  const { config, portList } = assistant(home, {
    loader,
    knobs: { kwd: knobs, stt: knobs, llm: knobs, tts: { ...knobs, speak_ms: 250 } },
    services: { kwd: prepare, stt: prepare, llm: prepare, tts: prepare },
  });
  await using program = new LoaderProcess(home, ["up", "--config", config]);
  await program.waitLine(/READY FOR WAKE WORD/);
  check(home);
  const ms = (at(home, "tts", "warm") - at(home, "kwd", "start")) / 1e6;
  assert.equal(await program.interrupt(), 0, program.log);
  await home.assertNothingLeft(portList, program.pid);
  return ms;
}

function at(home: TestHome, service: string, event: string): number {
  return home.stampsOf(service).find((stamp) => stamp.event === event)!.t;
}

/** What each did until its load was over: in standby, it waited for the word. */
const lives = (home: TestHome) =>
  roles.map((role) => home.events(role).slice(0, home.events(role).indexOf("warm") + 1).join(" "));

function inTurn(home: TestHome, event: string): void {
  for (const [i, role] of roles.slice(1).entries()) {
    const before = roles[i]!;
    for (const end of ["ready", "warm"]) {
      assert.ok(
        at(home, role, event) > at(home, before, end),
        `${role}: ${event} before ${before} was ${end}`,
      );
    }
  }
}

Deno.test({
  name:
    "with `lookahead: all` services load in standby at once, bind in turn, and the boot is far below their sum",
  ignore: withoutPython,
  async fn() {
    const ms = await boot({ prepare: { lookahead: "all" } }, (home) => {
      assert.deepEqual(lives(home), [
        "start bound ready warm",
        ...roles.slice(1).map(() => "start prepared released bound ready warm"),
      ]);
      inTurn(home, "bound");
      for (const role of roles) {
        assert.ok(
          at(home, role, "start") < at(home, "kwd", "warm"),
          `${role} was not ahead by more than one`,
        );
      }
    });
    assert.ok(ms < 0.8 * sum, `${ms} ms of ${sum}`);
    assert.ok(ms >= early + roles.length * late, `${ms} ms: what cannot overlap did`);
  },
});

Deno.test({
  name:
    "without the preparation of next services each starts after the one before, and the boot is at least their sum",
  ignore: withoutPython,
  async fn() {
    const ms = await boot({ prewarm_next_service: false, prepare: { lookahead: "all" } }, (home) => {
      assert.deepEqual(lives(home), roles.map(() => "start bound ready warm"));
      inTurn(home, "start");
    });
    assert.ok(ms >= sum, `${ms} ms of ${sum}`);
  },
});
