/** Prometheus' own judge of a metrics page; tests that need it are skipped by name where it is not installed. */
import { findProgram } from "../../lib/sys/host.ts";
import { withProcesses } from "./with_processes.ts";

const found = findProgram("promtool", "/", Deno.env.get("PATH") ?? "") !== null;

/** A test whose last word `promtool check metrics` has. */
export function promtoolTest(name: string, fn: () => Promise<void>): void {
  if (found) withProcesses.test(name, fn);
  else Deno.test.ignore(`${name} [needs apt-get install prometheus]`, fn);
}

/** What it has to say; "": nothing. */
export async function promtool(text: string): Promise<string> {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return code === 0 ? said : `exit ${code}: ${said}`;
}
