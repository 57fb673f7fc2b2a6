/** All rules upon one snapshot. Pure. */
import type { DoctorReport, Finding, Severity } from "../model/doctor.ts";
import type { Facts } from "./facts.ts";
import type { Rule } from "./rule.ts";
import { gpuRules } from "./rules/gpu.ts";
import { machineRules } from "./rules/machine.ts";
import { modelRules } from "./rules/models.ts";
import { netRules } from "./rules/net.ts";
import { ownRules } from "./rules/own.ts";
import { soundRules } from "./rules/sound.ts";

/** By subject, in the order in which they are told. */
export const ruleBook: readonly { subject: string; rules: readonly Rule[] }[] = [
  { subject: "The loader and its services", rules: ownRules },
  { subject: "GPU", rules: gpuRules },
  { subject: "Sound", rules: soundRules },
  { subject: "Models", rules: modelRules },
  { subject: "Ports and network", rules: netRules },
  { subject: "Machine", rules: machineRules },
];

const rank: Record<Severity, number> = { fail: 0, warn: 1, info: 2 };

export function judge(facts: Facts): Omit<DoctorReport, "unread" | "ms"> {
  const findings: Finding[] = [], fine: string[] = [], unjudged: string[] = [];
  for (const { id, severity, sees: title, mend, check } of ruleBook.flatMap(({ rules }) => rules)) {
    const cases = check(facts);
    if (cases?.length === 0) fine.push(id);
    else if (cases === null) unjudged.push(id);
    for (const one of cases ?? []) {
      findings.push({ id, severity, title, mend, ...(typeof one === "string" ? { what: one } : one) });
    }
  }
  findings.sort((a, b) => rank[a.severity] - rank[b.severity]);
  return { healthy: findings.every(({ severity }) => severity !== "fail"), findings, fine, unjudged };
}
