import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeEvent,
  eventReader,
  isNamed,
  readInfo,
  WyomingDecoder,
  WyomingError,
  type WyomingEvent,
} from "../../../lib/protocols/wyoming.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Feeds `raw` in pieces of the given sizes, over and over. */
function decodeSplit(raw: Uint8Array, sizes: number[], decoder = new WyomingDecoder()): WyomingEvent[] {
  const events: WyomingEvent[] = [];
  for (let at = 0, i = 0; at < raw.length; i++) {
    const size = sizes[i % sizes.length]!;
    events.push(...decoder.push(raw.slice(at, at + size)));
    at += size;
  }
  return events;
}

function join(parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const jsonObject = fc.dictionary(fc.string(), fc.jsonValue());
const anyEvent = fc.record({
  type: fc.string({ minLength: 1 }),
  data: jsonObject,
  payload: fc.uint8Array({ maxLength: 300 }),
});
const anySizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });

Deno.test("WyomingDecoder gives back what encodeEvent() wrote, however it is split", () => {
  fc.assert(fc.property(fc.array(anyEvent, { maxLength: 5 }), anySizes, (events, sizes) => {
    const raw = join(events.map((e) => encodeEvent(e.type, e.data, e.payload)));
    const decoder = new WyomingDecoder();
    const decoded = decodeSplit(raw, sizes, decoder);
    assert.equal(decoded.length, events.length);
    for (const [i, event] of events.entries()) {
      assert.equal(decoded[i]!.type, event.type);
      assert.equal(JSON.stringify(decoded[i]!.data), JSON.stringify({ ...event.data }));
      assert.deepEqual([...decoded[i]!.payload], [...event.payload]);
    }
    assert.ok(decoder.atBoundary);
  }));
});

Deno.test("WyomingDecoder throws nothing but a WyomingError at garbage, and holds no more than its limits", () => {
  const limits = { header: 200, data: 100, payload: 100 };
  const garbage = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    fc.array(
      fc.oneof(
        fc.jsonValue().map((value) => bytes(JSON.stringify(value) + "\n")),
        fc.record({
          type: fc.jsonValue(),
          data: fc.jsonValue(),
          data_length: fc.jsonValue(),
          payload_length: fc.jsonValue(),
        })
          .map((header) => bytes(JSON.stringify(header) + "\n")),
        fc.uint8Array({ maxLength: 50 }),
      ),
      { maxLength: 20 },
    ).map(join),
  );
  fc.assert(fc.property(garbage, anySizes, (raw, sizes) => {
    const decoder = new WyomingDecoder(limits);
    try {
      for (let at = 0, i = 0; at < raw.length; at += sizes[i++ % sizes.length]!) {
        decoder.push(raw.slice(at, at + sizes[i % sizes.length]!));
        assert.ok(decoder.pendingBytes <= limits.header + limits.data + limits.payload);
      }
    } catch (error) {
      if (!(error instanceof WyomingError)) throw error;
    }
  }));
});

Deno.test("WyomingDecoder takes lengths that are absent, null or 0, and data in the header", () => {
  const lines = [
    `{"type":"a"}`,
    `{"type":"b","data":null,"data_length":null,"payload_length":null}`,
    `{"type":"c","data":{"x":1},"data_length":0,"payload_length":0,"version":"1.5"}`,
  ];
  const events = new WyomingDecoder().push(bytes(lines.join("\n") + "\n"));
  assert.deepEqual(events.map((e) => [e.type, e.data, e.payload.length]), [["a", {}, 0], ["b", {}, 0], ["c", {
    x: 1,
  }, 0]]);
});

Deno.test("WyomingDecoder merges the data block over the header's data", () => {
  const block = `{"b":2,"c":3}`;
  const raw =
    `{"type":"t","data":{"a":1,"b":1},"data_length":${block.length},"payload_length":3}\n${block}xyz`;
  const event = new WyomingDecoder().push(bytes(raw))[0]!;
  assert.deepEqual(event.data, { a: 1, b: 2, c: 3 });
  assert.equal(new TextDecoder().decode(event.payload), "xyz");
});

Deno.test("WyomingDecoder takes __proto__ as a key like any other", () => {
  const event = new WyomingDecoder().push(bytes(`{"type":"t","data":{"__proto__":{"admin":true}}}\n`))[0]!;
  assert.equal((event.data as { admin?: boolean }).admin, undefined);
  assert.ok(Object.hasOwn(event.data, "__proto__"));
});

for (
  const [what, raw, kind] of [
    ["a line that is not JSON", "HTTP/1.1 400 Bad Request\r\n", "malformed"],
    ["an array", "[]\n", "malformed"],
    ["a header without a type", `{"data":{}}\n`, "malformed"],
    ["a negative length", `{"type":"a","data_length":-1}\n`, "malformed"],
    ["a length that is no number", `{"type":"a","payload_length":"9"}\n`, "malformed"],
    ["data that is no object", `{"type":"a","data":[1]}\n`, "malformed"],
    ["a data block that is no object", `{"type":"a","data_length":2}\n[]`, "malformed"],
    ["a huge payload", `{"type":"a","payload_length":999999999999}\n`, "too_large"],
    ["a header without an end", "x".repeat((1 << 20) + 1), "too_large"],
    ["a header that is not UTF-8", Uint8Array.from([0x7b, 0xff, 0x7d, 0x0a]), "malformed"],
  ] as const
) {
  Deno.test(`WyomingDecoder refuses ${what}`, () => {
    const chunk = typeof raw === "string" ? bytes(raw) : raw;
    assert.throws(
      () => new WyomingDecoder().push(chunk),
      (error) => error instanceof WyomingError && error.kind === kind,
    );
  });
}

Deno.test("eventReader() reads a stream to its end, and says so when it ends in mid-event", async () => {
  const source = (raw: Uint8Array) => {
    let at = 0;
    return {
      read: async (into: Uint8Array) => {
        if (at >= raw.length) return null;
        const part = raw.subarray(at, at + Math.min(7, into.length));
        into.set(part);
        at += part.length;
        return part.length;
      },
    };
  };
  const raw = join([encodeEvent("one", { n: 1 }), encodeEvent("two", {}, bytes("pcm"))]);
  const whole = eventReader(source(raw));
  assert.equal((await whole.next())?.type, "one");
  assert.equal((await whole.next())?.type, "two");
  assert.equal(await whole.next(), null);

  const cut = eventReader(source(raw.subarray(0, raw.length - 1)));
  await cut.next();
  await assert.rejects(cut.next(), (error) => error instanceof WyomingError && error.kind === "truncated");
});

Deno.test("readInfo() lists installed programs, models and voices, and passes over what it does not understand", () => {
  const offer = readInfo({
    asr: [],
    wake: [{
      name: "openwakeword",
      models: [{ name: "alexa_v0.1" }, { name: "gone", installed: false }, 7, null],
    }],
    tts: [{ name: "piper", voices: [{ name: "en_US-lessac" }] }, "x"],
    satellite: { name: "s" },
    intent: "hassil",
  });
  assert.deepEqual(offer, {
    wake: ["openwakeword", "alexa_v0.1"],
    tts: ["piper", "en_US-lessac"],
    satellite: ["s"],
  });
});

Deno.test("isNamed() sees through a version, not through another name", () => {
  assert.ok(isNamed("alexa", "alexa"));
  assert.ok(isNamed("alexa_v0.1", "alexa"));
  assert.ok(!isNamed("alexa_vintage", "alexa"));
  assert.ok(!isNamed("hey_alexa", "alexa"));
});
