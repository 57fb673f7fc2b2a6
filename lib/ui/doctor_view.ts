/** The picture of a doctor's report. Pure. */
import type { DoctorReport, Severity } from "../model/doctor.ts";
import { paint, plain, type Style } from "./table.ts";
import { duration } from "./units.ts";

const styles: Record<Severity, Style> = { fail: "red", warn: "yellow", info: "cyan" };

/** First whether it is well, then what is not, the worst first, each with what to do. Ends with a newline. */
export function renderDoctor(report: DoctorReport, o: { color?: boolean } = {}): string {
  const { healthy, findings, fine, unjudged, unread, ms } = report;
  const count = (severity: Severity) => findings.filter((one) => one.severity === severity).length;
  const verdict = healthy ? count("warn") > 0 ? "Works, with warnings" : "Healthy" : "Not healthy";
  const counts = [
    [count("fail"), "failed"],
    [count("warn"), "warned"],
    [fine.length, "fine"],
    [unjudged.length, "had nothing to look at"],
  ] as const;
  const lines = [
    `${verdict}: ${counts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`).join(", ")} (${
      duration(ms)
    })`,
  ];
  for (const { id, severity, title, what, mend } of findings) {
    const word = paint(severity.padEnd(4), styles[severity], o.color);
    lines.push("", `${word}  ${plain(title)}: ${plain(what)}`, `      -> ${plain(mend)}  [${id}]`);
  }
  if (unread.length > 0) lines.push("", ...unread.map((what) => `not read: ${plain(what)}`));
  return lines.join("\n") + "\n";
}
