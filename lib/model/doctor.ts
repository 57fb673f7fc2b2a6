/** What `doctor` reports. Its JSON is an interface: fields are added, never renamed. */

/** `fail`: the assistant does not work so. `warn`: it will not for long, or not well. `info`: good to know. */
export type Severity = "fail" | "warn" | "info";

/** One thing that is wrong. */
export interface Finding {
  /** The rule's stable name, "port-held"; docs/troubleshooting.md has a section of this name. */
  id: string;
  severity: Severity;
  /** What it is, in general: "A port of a service is held by a stranger". */
  title: string;
  /** This case of it, with names and figures. */
  what: string;
  /** A command that mends it, or a sentence to follow. */
  mend: string;
}

export interface DoctorReport {
  /** No `fail` among the findings. */
  healthy: boolean;
  /** The worst first. */
  findings: Finding[];
  /** Rules that found nothing wrong. */
  fine: string[];
  /** Rules that had nothing to judge: what they look at is not there, or could not be read. */
  unjudged: string[];
  /** What could not be read, in words. */
  unread: string[];
  /** How long the look took. */
  ms: number;
}
