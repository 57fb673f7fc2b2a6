import assert from "node:assert/strict";
import type { News } from "../../../lib/outward/incidents.ts";
import { type Message, Outbox } from "../../../lib/outward/outbox.ts";

const hour = 3_600_000;
const timeOf = (at: number) => `T${at}`;
const down = (about: string, since = 0): News => ({
  about,
  kind: "down",
  title: `${about} is down`,
  text: `${about}: x`,
  since,
});
const well = (about: string, since = 0): News => ({
  about,
  kind: "well",
  title: `${about} is well again`,
  text: "After 5s.",
  since,
});
const all = (...news: News[]) => {
  const outbox = new Outbox();
  for (const one of news) outbox.add(one);
  return outbox.take(timeOf);
};

Deno.test("what does not wait is told as it is", () => {
  assert.deepEqual(all(down("llm")), { kind: "down", title: "llm is down", text: "llm: x" });
  assert.deepEqual(all(well("llm")), { kind: "well", title: "llm is well again", text: "After 5s." });
});

Deno.test("what waits is told together", () => {
  assert.deepEqual(all(down("llm"), well("llm")), {
    kind: "well",
    title: "llm went down, well again",
    text: "llm: x",
  });
  assert.deepEqual(all(down("llm", 7), well("llm"), down("llm", 9), well("llm"), down("llm", 11)), {
    kind: "down",
    title: "llm went down 3 times since T0, now down",
    text: "The last time:\nllm: x",
  });
  assert.deepEqual(all(down("llm"), well("llm"), down("tts")), {
    kind: "down",
    title: "llm went down, well again; tts is down",
    text: "llm went down, well again\nllm: x\n\ntts is down\ntts: x",
  });
});

Deno.test("what could not be told goes before what came later", () => {
  const outbox = new Outbox();
  outbox.add(down("llm"));
  outbox.take(timeOf);
  assert.ok(outbox.isEmpty);
  outbox.add(well("llm"));
  assert.equal(outbox.kept.waiting.length, 1, "it may not arrive");
  outbox.putBack();
  assert.equal(outbox.take(timeOf).title, "llm went down, well again");
  outbox.sent(0);
  assert.deepEqual(outbox.kept, { waiting: [], sent: [0] });
});

Deno.test("10,000 flaps are at most 6 messages in any hour, and none is forgotten", () => {
  const outbox = new Outbox();
  const sent: (Message & { at: number })[] = [];
  let at = 0;
  const send = () => {
    if (outbox.isEmpty || outbox.mayFrom(at) > at) return;
    sent.push({ ...outbox.take(timeOf), at });
    outbox.sent(at);
  };
  for (let flap = 0; flap < 10_000; flap++) {
    for (const news of [down("llm", at), well("llm", at)]) {
      outbox.add(news);
      send();
      at += 5000;
    }
  }
  while (!outbox.isEmpty) {
    at = outbox.mayFrom(at);
    send();
  }
  for (const { at } of sent) {
    const inHour = sent.filter((other) => other.at > at - hour && other.at <= at).length;
    assert.ok(inHour <= 6, `${inHour} at ${at}`);
  }
  const counted = sent.map(({ title }) => Number(/down (\d+) times/.exec(title)?.[1] ?? /down/.test(title)));
  assert.equal(counted.reduce((sum, n) => sum + n, 0), 10_000);
  assert.equal(sent.at(-1)!.kind, "well");
});

Deno.test("what waits is bounded: of more than 32, the oldest goes", () => {
  const outbox = new Outbox();
  for (let i = 0; i < 100; i++) outbox.add(down(`s${i}`));
  assert.deepEqual(
    outbox.kept.waiting.map(({ about }) => about),
    Array.from({ length: 32 }, (_, i) => `s${i + 68}`),
  );
  const message = outbox.take(timeOf);
  assert.ok(message.title.length <= 200 && message.text.length <= 4000);
});

Deno.test("it survives on a disk; what does not fit there is not believed", () => {
  const before = new Outbox(), after = new Outbox();
  before.add(down("llm"));
  before.sent(1000);
  after.restore(JSON.parse(JSON.stringify(before.kept)));
  assert.deepEqual(after.kept, before.kept);
  const { waiting, sent } = before.kept;
  const hostile: unknown[] = [
    null,
    [],
    {},
    { waiting, sent: "x" },
    { waiting: [{ ...waiting[0], kind: "x" }], sent },
    { waiting: Array(33).fill(waiting[0]), sent },
    { waiting, sent: Array(7).fill(0) },
  ];
  for (const kept of hostile) {
    const outbox = new Outbox();
    outbox.restore(kept);
    assert.deepEqual(outbox.kept, { waiting: [], sent: [] }, JSON.stringify(kept));
  }
  const outbox = new Outbox();
  outbox.restore({ waiting, sent: [5 * hour, 6 * hour, 6 * hour, 6 * hour, 6 * hour, 6 * hour] });
  assert.equal(outbox.mayFrom(hour), hour, "a clock that was set back does not silence it");
});
