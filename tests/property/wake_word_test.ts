/**
 * The wake word's machine under any interleaving of crashes, restarts, stops, late and double events: at most one
 * greeting per boot, one conversation with KWD at a time, and in the end the copy that runs listens.
 * ALEXA_FUZZ_RUNS sets how many interleavings are tried (10000).
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  initialWakeWord,
  type WakeWordEffect,
  type WakeWordEvent,
  type WakeWordState,
  wakeWordStep,
} from "../../lib/voice/wake_word_machine.ts";

const numRuns = Number(Deno.env.get("ALEXA_FUZZ_RUNS") ?? 10_000);

/** A KWD with copies that come and go, and a loader that talks to the one that is there. */
class World {
  state: WakeWordState = initialWakeWord;
  copies = 0;
  copy: number | null = null;
  /** The copy that accepted last that it listens. */
  listens: number | null = null;
  /** The copy that accepted last that it is muted. */
  mutes: number | null = null;
  muted = false;
  talking: { kind: WakeWordEffect; copy: number | null } | null = null;
  greetings = 0;
  decided = false;
  ready = false;
  stopped = false;

  send(event: WakeWordEvent): void {
    const { state, effect } = wakeWordStep(this.state, event);
    this.state = state;
    if (effect === null) return;
    assert.equal(this.stopped, false, "nothing is asked of anybody after a stop");
    assert.equal(this.talking, null, "one conversation at a time");
    const mutes = effect === "mute" || effect === "unmute";
    assert.ok(this.decided || mutes, "nobody is told to listen before the boot is decided");
    if (!mutes && this.copy !== null) {
      assert.equal(this.mutes === this.copy, this.muted, "a copy is muted before it is told to listen");
    }
    if (effect === "greet") {
      assert.ok(this.ready, "no greeting before SYSTEM_READY");
      assert.equal(++this.greetings, 1, "one greeting per boot");
    } else assert.notEqual(this.copy, null, "who is not there cannot be told");
    this.talking = { kind: effect, copy: this.copy };
  }

  /** The conversation ends: the copy that it began with accepts, unless it is gone or refuses. */
  answer(willing: boolean): void {
    if (!this.talking) return;
    const { kind, copy } = this.talking;
    const listening = willing && copy !== null && copy === this.copy;
    if (kind === "mute" || kind === "unmute") {
      this.talking = null;
      if (listening) this.mutes = kind === "mute" ? copy : null;
      const answer = listening ? "accepted" : copy !== this.copy ? "gone" : "never";
      if (answer === "never") [this.muted, this.mutes] = [false, null];
      return this.send({ type: "mute_over", muted: kind === "mute", answer });
    }
    if (listening) this.listens = copy;
    this.talking = null;
    this.send({ type: kind === "greet" ? "greeting_over" : "told", listening });
  }

  move(move: string): void {
    switch (move) {
      case "up":
        if (this.copy !== null) return;
        this.copy = ++this.copies;
        return this.send({ type: "kwd_up" });
      case "down":
        this.copy = null;
        return this.send({ type: "kwd_down" }); // also when it was not up
      case "ready":
        if (this.stopped) return;
        this.decided = this.ready = true;
        return this.send({ type: "system_ready" });
      case "degraded":
        if (this.stopped) return;
        this.decided = true;
        return this.send({ type: "degraded" });
      case "adopted":
        return this.send({ type: "adopted" });
      case "accepts":
        return this.answer(true);
      case "refuses":
        return this.answer(false);
      case "mute":
      case "unmute":
        this.muted = move === "mute";
        return this.send({ type: move });
      case "late mute":
        if (this.talking?.kind !== "mute" && this.talking?.kind !== "unmute") {
          this.send({ type: "mute_over", muted: true, answer: "accepted" });
        }
        return;
      case "late greeting":
        if (this.talking?.kind !== "greet") this.send({ type: "greeting_over", listening: true });
        return;
      case "late told":
        if (this.talking?.kind !== "listen") this.send({ type: "told", listening: true });
        return;
      case "stop":
        this.stopped = true;
        return this.send({ type: "stop" });
    }
  }
}

const move = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom("up", "down", "accepts", "refuses") },
  { weight: 12, arbitrary: fc.constantFrom("ready", "degraded", "late greeting", "late told") },
  { weight: 8, arbitrary: fc.constantFrom("mute", "unmute", "late mute") },
  { weight: 2, arbitrary: fc.constantFrom("adopted", "stop") },
);

Deno.test("the wake word: at most one greeting, and the copy of KWD that runs ends listening", () => {
  let [greeted, told, stopped, muted] = [0, 0, 0, 0];
  fc.assert(
    fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
      const world = new World();
      for (const each of moves) {
        world.move(each);
        assert.ok(
          !world.state.listening || world.listens === world.copy,
          "it says that it listens, and does",
        );
      }
      // Whoever was asked last answers, and willingly.
      const refused = moves.includes("refuses");
      for (let rest = 5; world.talking && rest > 0; rest--) world.answer(true);
      assert.equal(world.talking, null, "it comes to rest");
      greeted += world.greetings;
      if (world.stopped) stopped++;
      else if (world.decided && world.copy !== null && !refused) {
        told++;
        assert.equal(world.listens, world.copy, "the copy that runs was told to listen");
        assert.equal(world.state.listening, true);
        assert.equal(world.mutes === world.copy, world.muted, "the copy that runs is muted as wanted");
        assert.equal(world.state.muteAccepted, world.muted);
        if (world.muted) muted++;
      }
    }),
    { numRuns },
  );
  for (const seen of [greeted, told, stopped]) assert.ok(seen > numRuns / 50, `${[greeted, told, stopped]}`);
  assert.ok(muted > numRuns / 250, `${muted}`);
});
