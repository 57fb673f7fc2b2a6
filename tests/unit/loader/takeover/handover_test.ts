import assert from "node:assert/strict";
import { descriptorsOf, type Handover, readHandover } from "../../../../lib/loader/takeover/handover.ts";
import { initialBoot } from "../../../../lib/loader/boot_machine.ts";

const line = { text: "", returned: false, flushed: false };
const handover: Handover = {
  format: 1,
  from: "1.0.0",
  boot: "7f3a",
  configuration: "c",
  now: 1,
  kernelMs: 2,
  startedAt: -3.5,
  totalMs: null,
  knowsStrays: true,
  life: initialBoot,
  wakeWord: null,
  guardian: { guardian: { pid: 4, input: 5 }, leaders: [], seen: [] },
  services: [{
    name: "kwd",
    supervisor: {
      state: {},
      standing: { awaySince: new Date(0) },
    } as unknown as Handover["services"][0]["supervisor"],
    service: {
      copy: {
        pipes: { input: null, out: 6, err: 7 },
      } as unknown as Handover["services"][0]["service"]["copy"],
      notify: 8,
      relay: { stdout: line, stderr: line, lastLines: [], inTraceback: false },
    },
  }],
  held: { lock: [9], claims: [{ name: "port/5001", fd: 10 }], control: [11] },
  state: "{}",
  demoPorts: [],
  watcher: { pid: 12, pipe: 13 },
  previous: { argv: ["deno"], env: {} },
  replaced: null,
  returned: null,
};

/** What is read of a file with this text. */
function read(text: string, mode = 0o600): Handover | string {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeTextFileSync(path, text);
    Deno.chmodSync(path, mode);
    return readHandover(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("readHandover() gives what was written, times of day included; every descriptor is known", () => {
  const found = read(JSON.stringify(handover));
  assert.deepEqual(found, handover);
  assert.deepEqual(descriptorsOf(found as Handover).toSorted((a, b) => a - b), [5, 6, 7, 8, 9, 10, 11, 13]);
});

Deno.test("readHandover() says what is wrong, and believes nothing of it", () => {
  assert.match(String(readHandover("/nonexistent")), /is not there/);
  assert.match(String(read(JSON.stringify(handover), 0o666)), /not a file of this user's alone/);
  assert.match(String(read("{")), /damaged \(not JSON\)/);
  assert.match(
    String(read(JSON.stringify({ ...handover, format: 0 }))),
    /has format 0, and this version understands only 1/,
  );
  const wrong: Record<string, unknown>[] = [
    { boot: 7 },
    { now: null },
    { services: {} },
    { services: [{ name: "kwd" }] },
    { held: { lock: [1], claims: [], control: [] } }, // standard output is nobody's lock
    { held: { lock: [], claims: [{ name: "x", fd: "9" }], control: [] } },
    { previous: { argv: "deno", env: {} } },
    { watcher: { pid: 1 } },
  ];
  for (const part of wrong) {
    assert.match(String(read(JSON.stringify({ ...handover, ...part }))), /is damaged/, JSON.stringify(part));
  }
});
