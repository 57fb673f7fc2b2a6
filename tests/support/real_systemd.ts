/**
 * A systemd of its own in namespaces of its own: process 1 there, with control groups, network, /run and /tmp of its own. It
 * knows no unit but those that it is given, since this machine's would set it up anew (systemd-tmpfiles empties /tmp); and
 * it may read this machine's files, but write into the test's folder alone. Needs root, and a cgroup v2 to mount.
 */
import { findProgram } from "../../lib/sys/host.ts";
import { until } from "./loader_process.ts";

const systemd = "/lib/systemd/systemd";
const unitFolder = "/run/systemd/system";
/** What units hang from by default, and what else they may name. */
const targets = ["sysinit", "basic", "shutdown", "multi-user", "network-online", "sound"];

/** Why there can be none here; null when there can. */
export const noSystemd: string | null = (() => {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") return "processes";
  if (Deno.uid() !== 0) return "root";
  const path = Deno.env.get("PATH") ?? "";
  for (
    const [program, name] of [["unshare", "util-linux"], ["ip", "iproute2"], [systemd, "systemd"]] as const
  ) {
    if (findProgram(program, "/", path) === null) return `apt-get install ${name}`;
  }
  const tried = new Deno.Command("unshare", {
    args: [
      "-pfmn",
      "--kill-child",
      "sh",
      "-c",
      "mount --make-rprivate / && mount -t cgroup2 none /sys/fs/cgroup",
    ],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return tried.success ? null : "a cgroup v2 to mount";
})();

/** A test with a real systemd; skipped by name where there can be none. */
export function systemdTest(name: string, fn: () => Promise<void>): void {
  const label = noSystemd === null ? name : `${name} [needs ${noSystemd}]`;
  Deno.test({ name: label, ignore: noSystemd !== null, fn });
}

const root = new URL("../..", import.meta.url).pathname;

/**
 * Starts a systemd with these unit files, has it run the shell script (which may call systemctl), and answers what that
 * printed. Ends it, with all that it started.
 */
export async function underSystemd(
  folder: string,
  units: readonly { name: string; text: string }[],
  script: string,
): Promise<string> {
  if (!/^\/tmp\/\w+$/.test(folder)) throw new Error(`not a folder of a test's: ${folder}`);
  // The program may lie under /tmp, too: a checkout in a temporary folder.
  const kept = [folder, ...(root.startsWith("/tmp/") ? [root.replace(/\/$/, "")] : [])];
  Deno.mkdirSync(`${folder}/units`);
  const write = (name: string, text: string) => Deno.writeTextFileSync(`${folder}/${name}`, text);
  for (const target of targets) write(`units/${target}.target`, "[Unit]\nDefaultDependencies=no\n");
  for (const { name, text } of units) write(`units/${name}`, text);
  write(
    "units/script.service",
    `[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nTimeoutStartSec=60\nExecStart=/bin/sh ${folder}/script\n`,
  );
  write("script", `exec >${folder}/printed 2>&1\n${script}\n: >${folder}/done\n`);
  write(
    "init",
    [
      "set -e",
      "mount --make-rprivate /",
      "umount -R /sys/fs/cgroup 2>/dev/null || true",
      "mount -t cgroup2 none /sys/fs/cgroup",
      "mount -t tmpfs none /run",
      ...kept.flatMap((path, i) => [`mkdir /run/kept${i}`, `mount --bind '${path}' /run/kept${i}`]),
      "mount -o remount,bind,ro /",
      "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys",
      "mount -t tmpfs none /tmp",
      ...kept.flatMap((path, i) => [`mkdir -p '${path}'`, `mount --move /run/kept${i} '${path}'`]),
      ...kept.slice(1).map((path) => `mount -o remount,bind,ro '${path}'`),
      `mkdir -p ${unitFolder}`,
      `cp ${folder}/units/* ${unitFolder}`,
      "ip link set lo up",
      `exec env -i PATH="$PATH" container=test SYSTEMD_UNIT_PATH=${unitFolder} ${systemd} --system --unit=script.service`,
    ].join("\n"),
  );
  const child = new Deno.Command("unshare", {
    args: ["-pfmiun", "--kill-child", "--mount-proc", "sh", `${folder}/init`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const printed = () => {
    try {
      return Deno.readTextFileSync(`${folder}/printed`);
    } catch {
      return "";
    }
  };
  try {
    const isDone = () => [...Deno.readDirSync(folder)].some(({ name }) => name === "done");
    await until("the end of the script under systemd", isDone, printed, 60_000);
    return printed();
  } finally {
    child.kill("SIGKILL"); // process 1 of its namespace goes with it, and all in it with that one
    await child.status;
  }
}
