/** `export`: the plan of a configuration for other engines; `install` and `uninstall`: systemd's unit in its place. */
import { exportCompose } from "../export/compose.ts";
import { exportKubernetes, type KubernetesOptions, usualLoaderImage } from "../export/kubernetes.ts";
import type { ExportedFile, ExportOptions } from "../export/mod.ts";
import { exportQuadlet } from "../export/quadlet.ts";
import { exportPerService, exportSystemd, type SystemdOptions, usualSystemd } from "../export/systemd.ts";
import { LoaderError, reasonOf } from "../errors.ts";
import { type ConfigChoice, loadPlan } from "../loader/load_plan.ts";
import type { BootPlan } from "../model/plan.ts";
import { makeDir, writeAtomically } from "../sys/files/files.ts";
import { environment, findProgram, userId, workingDirectory } from "../sys/host.ts";
import { runCommand } from "../sys/process/command.ts";
import { resolveDemo, selfCommand } from "../sys/self.ts";
import { print } from "../sys/terminal.ts";
import type { Cli } from "./context.ts";

interface ExportFlags extends ConfigChoice {
  out?: string;
  program?: string;
}
export interface SystemdFlags extends ConfigChoice {
  user?: boolean;
  systemd?: number;
}

export async function systemd(
  this: Cli,
  flags: ExportFlags & SystemdFlags & { perService?: boolean },
): Promise<void> {
  const { plan, options } = await systemdExport(flags);
  write(flags, flags.perService ? exportPerService(plan, options) : exportSystemd(plan, options));
}

export async function quadlet(this: Cli, flags: ExportFlags & SystemdFlags): Promise<void> {
  const { plan, options } = await systemdExport(flags);
  write(flags, exportQuadlet(plan, options));
}

export async function compose(this: Cli, flags: ExportFlags): Promise<void> {
  const { plan, options } = await exporting(flags);
  write(flags, exportCompose(plan, options));
}

export async function kubernetes(
  this: Cli,
  flags: ExportFlags & { gpu?: KubernetesOptions["gpu"]; pod?: boolean; loaderImage?: string },
): Promise<void> {
  const { plan, options } = await exporting(flags);
  const { gpu = "claim", pod = false, loaderImage = usualLoaderImage } = flags;
  write(flags, exportKubernetes(plan, { ...options, gpu, pod, loaderImage }));
}

/** What earlier boots taught does not count: the same configuration gives the same bytes. */
async function exporting(flags: ExportFlags): Promise<{ plan: BootPlan; options: ExportOptions }> {
  const { loaded, plan } = await loadPlan(flags, { learned: false });
  const env = environment();
  const names = new Set([...loaded.text.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name));
  names.delete("HOME"); // everybody has one, and another
  const variables = [...names].sort().flatMap((name) => env[name] === undefined ? [] : [[name, env[name]]]);
  return {
    plan,
    options: {
      program: flags.program === undefined ? selfCommand([]) : [flags.program],
      resolve: resolveDemo,
      choice: flags.demo ? ["--demo"] : ["--config", plan.configPath],
      folder: workingDirectory(),
      config: { text: loaded.text, variables: Object.fromEntries(variables) },
    },
  };
}

/** Where nobody says, for the systemd of this machine. */
export async function systemdExport(
  flags: ExportFlags & SystemdFlags,
): Promise<{ plan: BootPlan; options: SystemdOptions }> {
  const { plan, options } = await exporting(flags);
  const { user = false, systemd = await installedSystemd() ?? usualSystemd } = flags;
  const { USER: runAs = String(userId()), PATH: path = "/usr/local/bin:/usr/bin:/bin" } = environment();
  const resolve = (argv: readonly string[]) => { // a manager looks for programs in folders of its own
    const [program = "", ...args] = options.resolve(argv);
    return [findProgram(program, options.folder, path) ?? program, ...args];
  };
  return { plan, options: { ...options, user, systemd, runAs, path, resolve } };
}

async function installedSystemd(): Promise<number | null> {
  const { code, stdout } = await runCommand(["systemctl", "--version"], { timeoutMs: 5000 });
  const version = /^systemd (\d+)/.exec(stdout)?.[1];
  return code === 0 && version !== undefined ? Number(version) : null;
}

/** Into the folder, or to standard output: several files each under a line with its name. */
function write({ out }: ExportFlags, files: readonly ExportedFile[]): void {
  for (const { name, text } of files) {
    if (out === undefined) {
      print(files.length === 1 ? text : `# ——— ${name} ———\n${text}`);
      continue;
    }
    const path = `${out.replace(/\/+$/, "")}/${name}`;
    writeFile(path, text);
    print(`wrote  ${path}`);
  }
}

export function writeFile(path: string, text: string): void {
  try {
    makeDir(path.slice(0, path.lastIndexOf("/")) || "/");
    writeAtomically(path, text, { mode: 0o644 });
  } catch (error) {
    throw new LoaderError("usage", `cannot write ${path}: ${reasonOf(error)}`, {
      hint: "--user is for your own manager, and needs no root",
    });
  }
}
