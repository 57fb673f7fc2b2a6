import assert from "node:assert/strict";
import type { DoctorReport, Finding } from "../../../lib/model/doctor.ts";
import { renderDoctor } from "../../../lib/ui/doctor_view.ts";

const finding = (severity: Finding["severity"], what = "pid 42 has it"): Finding => ({
  id: "port-held",
  severity,
  title: "A port is held",
  what,
  mend: "kill 42",
});
const report = (more: Partial<DoctorReport> = {}): DoctorReport => ({
  healthy: true,
  findings: [],
  fine: ["a", "b"],
  unjudged: ["c"],
  unread: [],
  ms: 420,
  ...more,
});

Deno.test("renderDoctor() says first whether it is well", () => {
  assert.equal(renderDoctor(report()), "Healthy: 2 fine, 1 had nothing to look at (420 ms)\n");
  assert.match(
    renderDoctor(report({ findings: [finding("warn")] })),
    /^Works, with warnings: 1 warned, 2 fine/,
  );
});

Deno.test("renderDoctor() shows each finding with what to do, and steers no terminal", () => {
  const findings = [finding("fail", "pid 42 (x\x1b[2J)"), finding("info")];
  assert.equal(
    renderDoctor(report({ healthy: false, findings, unread: ["disk: timed out"] })),
    `Not healthy: 1 failed, 2 fine, 1 had nothing to look at (420 ms)

fail  A port is held: pid 42 (x\ufffd[2J)
      -> kill 42  [port-held]

info  A port is held: pid 42 has it
      -> kill 42  [port-held]

not read: disk: timed out
`,
  );
});
