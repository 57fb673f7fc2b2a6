/** What a new plan changes: named as the configuration names it, and told apart by what it costs. */
import assert from "node:assert/strict";
import { isEmpty, planDifference, takenOver } from "../../../lib/plan/mod.ts";
import { edited, planOf, specText } from "../../support/config_edit.ts";

const none = { added: [], removed: [], changed: [], loader: [], postponed: [] };
const old = planOf(specText);
const after = (...edits: (readonly [string, string])[]) => planDifference(old, planOf(edited(...edits)));

Deno.test("planDifference() is empty for the same configuration, whatever its order of keys", () => {
  assert.deepEqual(planDifference(old, planOf(specText)), none);
  const env = (text: string) => planOf(edited(["warmup: true", `warmup: true\n    env: ${text}`]));
  assert.ok(isEmpty(planDifference(env('{ A: "1", B: "2" }'), env('{ B: "2", A: "1" }'))));
});

Deno.test("planDifference() names what a copy was started with, and never a value", () => {
  const changed = after(
    ['"services.tts_service"]', '"services.tts_service", "--fast"]'],
    ["warmup: true", 'warmup: true\n    env: { API_KEY: "hunter2" }'],
    ["threads: 2", "threads: 3"],
  );
  assert.deepEqual(changed.changed.map(({ service, restarts }) => [service, restarts]), [
    ["kwd", true],
    ["tts", true],
  ]);
  assert.ok(changed.changed[0]!.settings.includes("env.OMP_NUM_THREADS"));
  assert.deepEqual(changed.changed[1]!.settings, ["cmd", "env.API_KEY"]);
  assert.ok(!JSON.stringify(changed).includes("hunter2"));
});

Deno.test("planDifference() costs no copy where only its supervision changes", () => {
  assert.deepEqual(after(["health_check_interval_sec: 5", "health_check_interval_sec: 7"]).changed, [
    ...["kwd", "stt", "llm", "tts"].map((service) => ({ service, settings: ["health"], restarts: false })),
  ]);
  assert.deepEqual(after(["tts_ready_sec: 25", "tts_ready_sec: 30"]), {
    ...none,
    changed: [{ service: "tts", settings: ["timeouts"], restarts: false }],
  });
});

Deno.test("planDifference() looks anew for an external service whose address has changed", () => {
  const external = (port: number) =>
    planOf(edited(
      ['cmd: ["python", "-m", "services.stt_service"]', 'manage: "external"'],
      ["port: 5002", `port: ${port}`],
      ["stt: 5002, ", ""],
    ));
  const { changed } = planDifference(external(6002), external(6003));
  assert.deepEqual(changed.map(({ service, restarts }) => [service, restarts]), [["stt", true]]);
});

Deno.test("planDifference() tells the loader's own settings that hold at once from those that cannot", () => {
  assert.deepEqual(
    after(
      ["fail_fast_on_repeated_failures: false", "fail_fast_on_repeated_failures: true\n  name: other"],
      ["gpu_index: 0", "gpu_index: 1"],
      ["kill_after_sec: 10", "kill_after_sec: 20"],
      ['["kwd", "stt", "llm", "tts"]', '["stt", "kwd", "llm", "tts"]'],
    ),
    {
      ...none,
      loader: ["startup_sequence", "fail_fast_on_repeated_failures", "graceful_shutdown"],
      postponed: ["name", "state_dir", "log_dir", "the runtime folder", "gpu_index"],
    },
  );
});

Deno.test("planDifference() of services that come and go says nothing of what only follows from it", () => {
  const less = planOf(edited(
    ['["kwd", "stt", "llm", "tts"]', '["kwd", "llm", "tts"]'],
    ['["kwd", "tts", "llm", "stt"]', '["kwd", "tts", "llm"]'],
    ["stt: 5002, ", ""],
    ["    stt_ready_sec: 45\n", ""],
    [specText.slice(specText.indexOf("  stt:\n"), specText.indexOf("  llm:\n")), ""],
  ));
  assert.deepEqual(planDifference(old, less), { ...none, removed: ["stt"] });
  assert.deepEqual(planDifference(less, old), { ...none, added: ["stt"] });
  assert.deepEqual(takenOver(less, old), old);
});
