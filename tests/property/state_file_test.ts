/** Whatever is in a state file: a warning or a record, never a crash, and never a signal to a stranger. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { findLeftovers } from "../../lib/clean_start/leftovers.ts";
import { type PreviousState, StateFile } from "../../lib/clean_start/state_file.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { randomHex, userId } from "../../lib/sys/host.ts";
import { machineBootId } from "../../lib/sys/process/procfs.ts";
import { bystander, type Stranger } from "../support/strangers.ts";
import { withProcesses } from "../support/with_processes.ts";

/** `STATE_MUTATIONS=10000` looks further. */
const runs = Number(Deno.env.get("STATE_MUTATIONS") ?? 500);
const linux = { ignore: Deno.build.os !== "linux" };

/** No other process carries it. */
const bootId = randomHex(12);

/** Opens a state file of these bytes as a boot does, and looks for what it proves: nobody. Only who is found is signalled. */
function boot(dir: string, bytes: Uint8Array | string): PreviousState | null {
  const data = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  Deno.writeFileSync(`${dir}/state.json`, data, { mode: 0o600 });
  const { previous, warning } = StateFile.open(dir, (message) => assert.fail(message), systemClock);
  assert.equal(previous === null, warning !== null, "a record or a warning");
  if (warning !== null) assert.match(warning, /^[\x20-\x7e]+$/, "nothing hostile reaches the log");
  assert.deepEqual(findLeftovers(previous, { uid: userId() }), [], "nobody is there to be stopped");
  return previous;
}

/** The text of a record that is true but for the bystander's start time. */
function lie(stranger: Stranger, startTime: number): string {
  const { pid } = stranger;
  const stt = {
    pid,
    start_time: startTime,
    pgid: pid,
    boot: bootId,
    spawned_at: "now",
    port: 5002,
    digest: null,
    ready: true,
  };
  return JSON.stringify({
    format: 1,
    boot: bootId,
    machine_boot: machineBootId(),
    loader: { pid: 4_194_303, start_time: 1 },
    on_loader_death: "stop",
    services: { stt, [`s${pid}`]: { ...stt, pid: 4_194_302 } },
  });
}

async function withStranger(fn: (dir: string, stranger: Stranger) => void): Promise<void> {
  const dir = Deno.makeTempDirSync();
  await using stranger = bystander();
  try {
    fn(dir, stranger);
    assert.ok(stranger.alive, "the bystander lives");
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

withProcesses.test(
  "StateFile.open() takes any bytes and any JSON without a crash or a signal",
  linux,
  () =>
    withStranger((dir) => {
      const anything = fc.oneof(fc.uint8Array({ maxLength: 500 }), fc.json(), fc.string({ unit: "binary" }));
      fc.assert(
        fc.property(anything, (bytes) => assert.equal(boot(dir, bytes), null)),
        {
          numRuns: runs,
        },
      );
    }),
);

withProcesses.test(
  "StateFile.open() takes a damaged record without a crash or a signal",
  linux,
  () =>
    withStranger((dir, stranger) => {
      const text = lie(stranger, stranger.startTime - 1);
      const damage = fc.record({
        at: fc.nat(text.length),
        cut: fc.nat(12),
        put: fc.oneof(
          fc.string({ maxLength: 6, unit: "binary" }),
          fc.constantFrom("0", "1", "-", "null", "{}", "[]", '"', "1e9"),
        ),
      });
      let believed = 0;
      fc.assert(
        fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
          let damaged = text;
          for (const { at, cut, put } of damages) {
            damaged = damaged.slice(0, at) + put + damaged.slice(at + cut);
          }
          // A random edit could hit upon the truth; then it would be no lie.
          fc.pre(!damaged.includes(String(stranger.startTime)));
          if (boot(dir, damaged)) believed++;
        }),
        { numRuns: runs },
      );
      assert.ok(believed > 0, "some damage leaves a readable record");
    }),
);

withProcesses.test(
  "findLeftovers() never takes a living stranger for the recorded process",
  linux,
  () =>
    withStranger((dir, stranger) => {
      const wrong = fc.oneof(
        fc.nat(),
        fc.integer({ min: -1000, max: 1000 }).map((d) => Math.max(0, stranger.startTime + d)),
      ).filter((startTime) => startTime !== stranger.startTime);
      fc.assert(
        fc.property(wrong, (startTime) => assert.ok(boot(dir, lie(stranger, startTime)))),
        { numRuns: Math.min(runs, 2000) },
      );
      assert.throws(
        () => boot(dir, lie(stranger, stranger.startTime)),
        /nobody is there/,
        "the truth is seen",
      );
    }),
);
