/** What must hold before anything is started. Spec: §1.2, §4; CONTRACT §8. */
import { LoaderError } from "../errors.ts";
import type { BootPlan, ServicePlan } from "../model/plan.ts";
import { runCommand } from "../sys/process/command.ts";
import { kindOf } from "../sys/files/files.ts";
import { findProgram } from "../sys/host.ts";

export interface MissingCommand {
  service: ServicePlan;
  /** What is not there: a program, a script, a Python module. */
  what: string;
}

export interface PrecheckFacts {
  /** The argv that really runs. */
  resolve(argv: readonly string[]): string[];
  env: Readonly<Record<string, string>>;
  /** Services that came up in an earlier boot: their interpreter is not asked again, since that costs its start. */
  known?: ReadonlySet<string>;
  signal?: AbortSignal;
}

/** Services whose command is not there. Starts nothing of theirs. */
export async function missingCommands(
  plan: Pick<BootPlan, "services">,
  facts: PrecheckFacts,
): Promise<MissingCommand[]> {
  const spawned = plan.services.filter((service) => service.manage === "spawn");
  const found = await Promise.all(spawned.map(async (service) => {
    const what = await missingOf(service, facts);
    return what === null ? [] : [{ service, what }];
  }));
  return found.flat();
}

async function missingOf(service: ServicePlan, facts: PrecheckFacts): Promise<string | null> {
  const argv = facts.resolve(service.argv);
  const path = service.env.PATH ?? facts.env.PATH ?? "";
  const [command = ""] = argv;
  const program = findProgram(command, service.workdir, path);
  if (program === null) return `the command ${JSON.stringify(command)}`;
  const target = pythonTarget(argv);
  if (!target) return null;
  if (target.kind === "script") {
    const script = target.name.startsWith("/") ? target.name : `${service.workdir}/${target.name}`;
    return kindOf(script) === null ? `the script ${JSON.stringify(target.name)}` : null;
  }
  const lies = (name: string) => {
    const place = `${service.workdir}/${name.replaceAll(".", "/")}`;
    return kindOf(place) !== null || kindOf(`${place}.py`) !== null;
  };
  if (lies(target.name) || facts.known?.has(service.name)) return null;
  // A package of ours that lacks it is asked by the whole name; of others it is enough that the package is there.
  const [top = ""] = target.name.split(".");
  const asked = await runCommand([program, "-c", findSpec, lies(top) ? target.name : top], {
    cwd: service.workdir,
    env: { ...facts.env, ...service.env },
    timeoutMs: 10_000,
    signal: facts.signal,
  });
  return asked.code === notFound ? `the Python module ${JSON.stringify(target.name)}` : null;
}

const notFound = 44;
const findSpec =
  `import importlib.util, sys; sys.exit(0 if importlib.util.find_spec(sys.argv[1]) else ${notFound})`;

/** What a Python command line runs; null for every other program, and for `-c`. */
function pythonTarget(argv: readonly string[]): { kind: "module" | "script"; name: string } | null {
  const [program = "", ...words] = argv;
  if (!/^(.*\/)?python[\d.]*$/s.test(program)) return null;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "-m") return words[0] ? { kind: "module", name: words[0] } : null;
    if (word === "-c" || word === "-") return null;
    if (word === "-X" || word === "-W") words.shift();
    else if (!word.startsWith("-")) return { kind: "script", name: word };
  }
  return null;
}

/** @throws LoaderError `command_missing` that names them all. */
export async function requireCommands(plan: Pick<BootPlan, "services">, facts: PrecheckFacts): Promise<void> {
  const missing = await missingCommands(plan, facts);
  if (missing.length === 0) return;
  const list = missing.map(({ service, what }) => `${service.name}: ${what}`).join(", ");
  throw new LoaderError("command_missing", `cannot start, not there: ${list}`, {
    hint:
      "try `alexa-loader demo` for an assistant that needs nothing installed, or `alexa-loader init` for a starter of your own",
  });
}
