import assert from "node:assert/strict";
import { faultMatrix, kindsDigest, matrixPath } from "../../scripts/fault_matrix.ts";
import { strangerOnPort } from "../chaos/driver.ts";
import { faults } from "../chaos/faults.ts";

const report = {
  seed: 7,
  rounds: 2,
  kills: false,
  loaders: 1,
  ms: 3000,
  outcomes: [
    { fault: "output flood", state: "ready", outcome: "up" },
    { fault: "output flood", state: "ready", outcome: "up" },
    { fault: "output flood", state: "starting", outcome: "all stopped, exit 0" },
  ] as const,
  broken: ["bystanders live"],
  smallDisk: true,
  digest: "0123456789ab",
  commit: "abc1234",
};

Deno.test("FAULT_MATRIX.md is of the faults and invariants of today, each kind tried", () => {
  const text = Deno.readTextFileSync(matrixPath);
  const again = "tests/FAULT_MATRIX.md is not current: see scripts/fault_matrix.ts";
  assert.ok(text.includes(`Faults and invariants: ${kindsDigest()}.`), again);
  for (const name of [...faults.map((fault) => fault.name), strangerOnPort]) {
    assert.ok(text.includes(`\n| ${name} |`), `${again}: no row "${name}"`);
  }
});

Deno.test("the fault matrix counts what was done and what was broken, out of the runs' results", () => {
  const whole = { ...report, outcomes: [...report.outcomes] };
  const text = faultMatrix([whole, { ...whole, seed: 8, kills: true, broken: [] }]);
  assert.match(text, /^\| chaos \| 7 \| 2 \| 3 \| 1 \| 3 s \| abc1234, 0123456789ab \| 1 \|$/m);
  assert.match(text, /^\| kill storm \| 8 \| 2 \| 3 \| 1 \| 3 s \| abc1234, 0123456789ab \| 0 \|$/m);
  assert.match(text, /^- Broken: bystanders live \(seed 7\)$/m);
  const row = "| output flood | – | **2**: all stopped, exit 0 2 | **4**: up 4 | – | – |";
  assert.ok(text.split("\n").includes(row), text);
});
